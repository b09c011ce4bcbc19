using Duplexity.Server.Sockets;

namespace Duplexity.Server.Tests.Graph;

/// <content>What each side says, and whether they say the same.</content>
internal sealed partial class EdgeHistory
{
    /// <summary>What the sockets say, against what was foretold.</summary>
    private string? Foretold()
    {
        var there = _sockets.Index().Where(s => s.Item is not null).SelectMany(s => s.Item!.Socket.Subscriptions.SelectMany(x => x.Clients.Select(c => (s.Index, x.Address, c)))).ToHashSet();
        return there.SetEquals(_edges) ? null : $"The sockets listen to {Text(there.Except(_edges))} too much and {Text(_edges.Except(there))} too little.";

        static string Text(IEnumerable<(int Socket, Address Channel, string Client)> edges) => string.Join(", ", edges.Select(e => $"{e.Socket}:{e.Client}→{e.Channel}"));
    }

    /// <summary>Where two sides do not agree; null: nowhere.</summary>
    private async ValueTask<string?> BothWaysAsync()
    {
        var open = _sockets.OfType<MemorySocket>().Where(s => s is { IsGone: false, Socket.IsClosing: false }).Select(s => s.Socket).ToArray();
        foreach (var socket in open)
        {
            foreach (var subscription in socket.Subscriptions)
            {
                if (!_node.Channels.Subscriptions(subscription.Address).Contains(subscription) || subscription.IsClosed)
                {
                    return $"{subscription.Address} does not know {socket.Id}, which listens to it.";
                }

                if (subscription.Clients.IsEmpty || subscription.Clients.Distinct().Count() < subscription.Clients.Length || subscription.Clients.Any(c => socket.Identities.Find(c) is null))
                {
                    return $"{socket.Id} listens to {subscription.Address} as {string.Join(",", subscription.Clients)} and holds {string.Join(",", socket.Identities.Clients)}.";
                }
            }

            if (socket.Identities.Clients.FirstOrDefault(c => !_node.Sockets.OfClient(c).Contains(socket)) is { } unknown)
            {
                return $"The index does not know {socket.Id} as one of {unknown}.";
            }
        }

        foreach (var client in _clients)
        {
            if (_node.Sockets.OfClient(client).FirstOrDefault(s => !open.Contains(s) || s.Identities.Find(client) is null) is { } stray)
            {
                return $"The index has {stray.Id} as one of {client}, which it is not any more.";
            }
        }

        foreach (var channel in _channels.Concat(open.Select(s => Address.Socket(s.Id))).Concat(_clients.Select(Address.Feed)).Distinct())
        {
            var subscriptions = _node.Channels.Subscriptions(channel);
            if (subscriptions.FirstOrDefault(s => s.Subscriber is not Socket socket || !open.Contains(socket) || socket.SubscriptionTo(channel) != s) is { } stray)
            {
                return $"{channel} has a subscription of {stray.Subscriber.SocketId} as {string.Join(",", stray.Clients)}, which that socket does not know.";
            }

            if (subscriptions.Count == 0 && _node.Channels.Addresses.Contains(channel))
            {
                return $"{channel} is kept, and nobody listens.";
            }

            var snapshot = await _node.Engine.Presence.ReadAsync(channel);
            (string, string)[] members = [.. open.SelectMany(s => s.SubscriptionTo(channel)?.Clients.Where(c => RoomPresence.IsMember(channel, c)).Select(c => (c, s.Id)) ?? [])];
            if (members.Except(snapshot.Members).Any() || (_node.Presence.Lingering == 0 && snapshot.Members.Count != members.Length) || snapshot.Count != snapshot.Members.Select(m => m.Client).Distinct().Count())
            {
                return $"{channel}: {string.Join(" ", members)} listen, {string.Join(" ", snapshot.Members)} are said to be there, {snapshot.Count} clients.";
            }
        }

        return null;
    }
}
