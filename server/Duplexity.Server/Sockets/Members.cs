using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Sockets;

/// <summary>A presence snapshot as it is told: each client once, with its sockets.</summary>
internal static class Members
{
    public static Member[] Of(PresenceSnapshot snapshot) =>
        [.. snapshot.Members.GroupBy(m => m.Client, (client, own) => new Member { Client = client, Sockets = [.. own.Select(m => m.SocketId)] })];
}
