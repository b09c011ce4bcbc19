using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Sockets;

/// <summary>What a client leaves behind when it is removed: locks of sockets that were lost, and the lockspaces that it made. Thread-safe.</summary>
internal sealed class LeftLockspaces(IEngine engine, Lockspaces lockspaces, Holdings holdings, Membership membership) : IBelongings
{
    /// <inheritdoc/>
    public async ValueTask RemoveAsync(string client, CancellationToken ct)
    {
        await engine.Locks.DropAsync(client, null, ct);
        foreach (var name in lockspaces.MadeBy(client))
        {
            membership.Free(holdings.PairsIn(name, null, null), name, MemberChange.Released);
            await lockspaces.RemoveAsync(name, ct);
        }
    }
}
