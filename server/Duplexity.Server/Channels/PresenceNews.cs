using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.SignalR.Protocol;

namespace Duplexity.Server.Channels;

/// <summary>One PresenceChanged on its way to many sockets: encoded once for each protocol. Thread-safe.</summary>
internal sealed class PresenceNews(PresenceChangedEvent changed)
{
    private readonly ConcurrentDictionary<string, ReadOnlyMemory<byte>> _frames = new(1, 2);

    /// <summary>That so many are there, and nothing of who: the receiver asks if it wants to know.</summary>
    public static PresenceNews OfCount(Address channel, PresenceSnapshot now) =>
        new(new PresenceChangedEvent { Channel = channel.ToString(), Through = now.Version, Count = now.Count });

    /// <summary>
    /// Who came and who left. A socket that came and went in between is told as left: a receiver may have read a version at which it was there.
    /// </summary>
    public static PresenceNews Of(Address channel, long after, IEnumerable<PresenceChange> changes, PresenceSnapshot now)
    {
        var touched = changes.OrderByDescending(c => c.Version).DistinctBy(c => (c.Client, c.SocketId)).ToLookup(c => now.Has(c.Client, c.SocketId));
        Member[] joined = [.. touched[true].GroupBy(c => c.Client, (client, own) => new Member { Client = client, Sockets = [.. own.Select(c => c.SocketId)] })];
        Departure[] left = [.. touched[false].Select(c => new Departure { Client = c.Client, Socket = c.SocketId, Reason = c.Reason })];
        return new(new PresenceChangedEvent
        {
            Channel = channel.ToString(),
            After = after,
            Through = now.Version,
            Count = now.Count,
            Joined = joined.Length == 0 ? null : joined,
            Left = left.Length == 0 ? null : left,
        });
    }

    /// <summary>The frame of the event.</summary>
    public ReadOnlyMemory<byte> Frame(IHubProtocol protocol) => _frames.TryGetValue(protocol.Name, out var frame)
        ? frame
        : _frames.GetOrAdd(protocol.Name, protocol.GetMessageBytes(new InvocationMessage(nameof(IDataClient.PresenceChanged), [changed])));
}
