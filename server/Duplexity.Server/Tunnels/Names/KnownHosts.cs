using Duplexity.Server.Backend;
using Duplexity.Server.Tunnels.Away;

namespace Duplexity.Server.Tunnels.Names;

/// <summary>Whether a host is somebody's, for whoever gets certificates for it: a pipe's, one that keeps requests for it, a reserved one, or below such a one. Thread-safe.</summary>
internal sealed class KnownHosts(BackendRegistry backend, IKeeping keeping, NameBook book, DomainProofs proofs)
{
    public async ValueTask<bool> ContainsAsync(string? host, CancellationToken ct)
    {
        if (host is null || PipeNames.KeyOf(host) is not { } name || name[0] is ':' or '*')
        {
            return false;
        }

        return await backend.LocateAsync(name, ct) is not null || (await keeping.FindAsync(name, isCovered: false, ct) is { } kept && !IsLost(kept.Client, name)) || (book.Over(name) is { } reserved && !IsLost(reserved.Owner, reserved.Name));
    }

    private bool IsLost(string owner, string name) => proofs.IsForeign(name) && proofs.IsLost(owner, name);
}
