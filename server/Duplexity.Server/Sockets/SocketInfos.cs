using System.Net.Sockets;
using Duplexity.Protocol;

namespace Duplexity.Server.Sockets;

/// <summary>What a client is told of its own sockets: other identities on them are hidden.</summary>
internal static class SocketInfos
{
    /// <summary>The sockets of <paramref name="client"/>, oldest first.</summary>
    public static SocketInfo[] Of(SocketIndex sockets, Node node, string client) => [.. sockets.OfClient(client)
        .OrderBy(s => s.Since)
        .ThenBy(s => s.Id, StringComparer.Ordinal)
        .Select(s => new SocketInfo
        {
            SocketId = s.Id,
            Client = client,
            Since = s.Since.ToUnixTimeMilliseconds(),
            Node = node.Name,
            Transport = s.Transport.Kind,
            AddressFamily = s.Transport.Family switch { AddressFamily.InterNetwork => "ipv4", AddressFamily.InterNetworkV6 => "ipv6", _ => "other" },
            UserAgent = s.Transport.UserAgent,
            Channels = [.. s.Subscriptions.Where(c => c.Client == client).Select(c => c.Address.ToString()).Order(StringComparer.Ordinal)],
        })];
}
