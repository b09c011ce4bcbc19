using System.Security.Cryptography;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>
/// Seals what is stored or handed out and must not be read there: codes, verifiers, refresh tokens, signing keys (G18). The keys lie in the data folder, for its owner alone; without a data folder
/// they are in memory, like all that they seal. Nodes of a cluster have one key ring (<see cref="SharedKeyRing"/>). Not the application's own. Thread-safe.
/// </summary>
internal sealed class Sealing(IOptions<DuplexityOptions> options, IHostEnvironment environment, IEngine engine) : ISealing
{
    private readonly IDataProtectionProvider _provider = options.Value.Cluster is { Key.Length: > 0 } cluster
        ? new Later(() => SharedKeyRing.Of(engine.Records, cluster))
        : options.Value.Data is { Length: > 0 } folder ? OnDisk(Path.Combine(environment.ContentRootPath, folder, "keys")) : new EphemeralDataProtectionProvider();

    /// <summary>A key ring below this one, for what seals by itself: cookies and forms.</summary>
    public IDataProtectionProvider For(string purpose) => _provider.CreateProtector(purpose);

    /// <inheritdoc/>
    public string Seal(string purpose, string text) => _provider.CreateProtector(purpose).Protect(text);

    /// <inheritdoc/>
    public string? Open(string purpose, string? sealedText)
    {
        try
        {
            return sealedText is null ? null : _provider.CreateProtector(purpose).Unprotect(sealedText);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public byte[] Seal(string purpose, byte[] bytes) => _provider.CreateProtector(purpose).Protect(bytes);

    /// <inheritdoc/>
    public byte[]? Open(string purpose, byte[] sealedBytes)
    {
        try
        {
            return _provider.CreateProtector(purpose).Unprotect(sealedBytes);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static IDataProtectionProvider OnDisk(string folder)
    {
        // Made with its mode, so that it is never open for a moment; the key files inherit nothing but are behind it.
        return new Later(() =>
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(folder);
            }
            else
            {
                Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }

            return DataProtectionProvider.Create(new DirectoryInfo(folder), builder => builder.SetApplicationName("Duplexity"));
        });
    }

    /// <summary>Nothing is made on the disk before there is something to seal.</summary>
    private sealed class Later(Func<IDataProtectionProvider> make) : IDataProtectionProvider
    {
        private readonly Lazy<IDataProtectionProvider> _made = new(make);

        public IDataProtector CreateProtector(string purpose) => _made.Value.CreateProtector(purpose);
    }
}
