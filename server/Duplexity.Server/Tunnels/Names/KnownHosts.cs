using Duplexity.Server.Backend;

namespace Duplexity.Server.Tunnels.Names;

/// <summary>Whether a host is somebody's, for whoever gets certificates for it: a pipe's, a reserved one, or below such a one. Thread-safe.</summary>
internal sealed class KnownHosts(BackendRegistry backend, NameBook book, DomainProofs proofs)
{
    public async ValueTask<bool> ContainsAsync(string? host, CancellationToken ct)
    {
        if (host is null || PipeNames.KeyOf(host) is not { } name || name[0] is ':' or '*')
        {
            return false;
        }

        return await backend.LocateAsync(name, ct) is not null || (book.Over(name) is { } reserved && !(proofs.IsForeign(reserved.Name) && proofs.IsLost(reserved.Owner, reserved.Name)));
    }
}
