using Duplexity.Server.Backend;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Tunnels;

/// <summary>What is left of a removed client's pipes. Its sessions are over by then and took theirs along; left is that of an end which failed. Thread-safe.</summary>
internal sealed class LeftPipes(BackendRegistry backend, PublicPipes pipes) : IBelongings
{
    /// <inheritdoc/>
    public async ValueTask RemoveAsync(string client, CancellationToken ct)
    {
        foreach (var left in await backend.ListAsync(client, ct))
        {
            await pipes.RemoveAsync(new Session(client, left.Session) { IsCut = true }, left.Generation, [left.Name], ct);
        }
    }
}
