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
        .Select(s => Of(sockets, node, s, client))
        .OfType<SocketInfo>()];

    /// <summary>The sockets of everybody, once for each client that they hold.</summary>
    public static SocketInfo[] OfAll(SocketIndex sockets, Node node) => [.. sockets.All
        .OrderBy(s => s.Since)
        .ThenBy(s => s.Id, StringComparer.Ordinal)
        .SelectMany(s => s.Identities.Clients.Select(client => Of(sockets, node, s, client)))
        .OfType<SocketInfo>()];

    /// <summary>A socket as one of its clients sees it; null where it does not hold that one any more.</summary>
    public static SocketInfo? Of(SocketIndex sockets, Node node, Socket socket, string client)
    {
        if (socket.Identities.Find(client) is not { } held)
        {
            return null;
        }

        var channels = socket.Subscriptions.Where(c => c.Clients.Contains(client)).ToArray();
        var (messages, bytes) = held.Meter.Use(held.Rules);
        return Bare(node, socket, client) with
        {
            Channels = [.. channels.Select(c => c.Address.ToString()).Order(StringComparer.Ordinal)],
            Allowances = held.Rules.Shown,
            Use = new AllowanceUse
            {
                Messages = messages,
                Bytes = bytes,
                Rooms = channels.Count(c => c.Address.Kind == AddressKind.Room),
                Sockets = sockets.OfClient(client).Count,
                Sent = held.Meter.Sent,
            },
        };
    }

    /// <summary>A socket by what does not change, for one that is gone.</summary>
    public static SocketInfo Bare(Node node, Socket socket, string client) => new()
    {
        SocketId = socket.Id,
        Client = client,
        Since = socket.Since.ToUnixTimeMilliseconds(),
        Node = node.Name,
        Transport = socket.Transport.Kind,
        AddressFamily = socket.Transport.Family switch { AddressFamily.InterNetwork => "ipv4", AddressFamily.InterNetworkV6 => "ipv6", _ => "other" },
        UserAgent = socket.Transport.UserAgent,
    };
}
