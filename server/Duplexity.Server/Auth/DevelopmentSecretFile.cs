using Duplexity.Server.Diagnostics;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Auth;

/// <summary>Writes the development secret once the server listens, a file for each loopback port, and takes the files away when it stops.</summary>
internal sealed class DevelopmentSecretFile(DevelopmentIdentity development, IServer server, ILogger<DevelopmentSecretFile> logger) : IHostedLifecycleService
{
    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerFolder = OwnerFile | UnixFileMode.UserExecute;

    private readonly List<string> _written = [];

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>All servers listen by now, so port 0 has become a port; and nothing that waits for "started" has run.</summary>
    public async Task StartedAsync(CancellationToken cancellationToken)
    {
        if (!development.IsInDevelopment)
        {
            return;
        }

        var addresses = (server.Features.Get<IServerAddressesFeature>()?.Addresses ?? []).Select(BindingAddress.Parse).Where(address => !address.IsUnixPipe && !address.IsNamedPipe).ToArray();

        // A port that is also bound to another address is not ours alone.
        var reachable = addresses.Where(address => !ServiceHosts.IsLoopback(address.Host)).Select(address => address.Port).ToHashSet();
        foreach (var address in addresses.DistinctBy(address => address.Port))
        {
            if (reachable.Contains(address.Port))
            {
                Log.DevelopmentIdentityNotOffered(logger, addresses.First(other => other.Port == address.Port && !ServiceHosts.IsLoopback(other.Host)).ToString());
            }
            else
            {
                await WriteAsync(address.Port, cancellationToken);
            }
        }
    }

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        foreach (var path in _written)
        {
            try
            {
                // Another service may have been started on the port meanwhile; its secret is not ours to remove.
                if (File.Exists(path) && File.ReadAllText(path).Trim() == development.Secret)
                {
                    File.Delete(path);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Log.DevelopmentSecretNotRemoved(logger, e, path);
            }
        }

        return Task.CompletedTask;
    }

    private async Task WriteAsync(int port, CancellationToken ct)
    {
        var path = DevelopmentSecret.PathFor(port);
        try
        {
            PrepareFolder(Path.GetDirectoryName(path)!);

            // Under another name first: nobody ever reads half a secret, and a file or link that lies there, whatever its mode, is replaced and not written to.
            var draft = $"{path}.{Path.GetRandomFileName()}";
            var creation = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                creation.UnixCreateMode = OwnerFile;
            }

            await using (var writer = new StreamWriter(draft, creation))
            {
                await writer.WriteAsync(development.Secret.AsMemory(), ct);
            }

            File.Move(draft, path, overwrite: true);
            _written.Add(path);
            development.Offer(port);
            Log.DevelopmentSecretWritten(logger, port, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A read-only home is no reason not to serve: configured issuers go on working.
            Log.DevelopmentSecretNotWritten(logger, e, port, path);
        }
    }

    private static void PrepareFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            // Local application data is the user's own by its inherited access list.
            Directory.CreateDirectory(folder);
            return;
        }

        Directory.CreateDirectory(folder, OwnerFolder);
        File.SetUnixFileMode(folder, OwnerFolder);
    }
}
