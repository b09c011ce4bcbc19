using Duplexity.Cli.Pipes;
using Duplexity.Protocol;

namespace Duplexity.Cli.Folders;

/// <summary>The folders among the resources of this run, each with its server.</summary>
internal sealed class ServedFolders(string here) : IAsyncDisposable
{
    private readonly List<FolderServer> _servers = [];

    /// <summary>The pipes, with what is dialled in place of each folder.</summary>
    /// <exception cref="UsageException">A folder is not there.</exception>
    public async Task<IReadOnlyList<PipeSpec>> OpenAsync(IReadOnlyList<PipeSpec> specs)
    {
        var opened = new List<PipeSpec>();
        foreach (var spec in specs)
        {
            var routes = new List<PipeRoute>();
            foreach (var route in spec.Traffic?.Routes ?? [])
            {
                routes.Add(route with { Resource = await OpenAsync(route.Resource!) });
            }

            opened.Add(spec with { Resource = await OpenAsync(spec.Resource), Traffic = spec.Traffic is { } traffic ? traffic with { Routes = routes } : null });
        }

        return opened;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }
    }

    private async Task<string> OpenAsync(string resource)
    {
        if (!resource.StartsWith(PipeSpec.Folder, StringComparison.Ordinal))
        {
            return resource;
        }

        var server = await FolderServer.StartAsync(Path.GetFullPath(resource[PipeSpec.Folder.Length..], here));
        _servers.Add(server);
        return server.Resource;
    }
}
