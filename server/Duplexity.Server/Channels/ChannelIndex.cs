using System.Collections.Concurrent;
using System.Collections.Immutable;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Channels;

/// <summary>
/// The channels that somebody on this node listens to, by address: the way from a channel to its sockets. A socket keeps the way back; the two always agree.
/// What the engine brings comes in here. Thread-safe.
/// </summary>
internal sealed class ChannelIndex(IEngine engine, TimeProvider time, ILogger<ChannelIndex> logger) : IEngineHandler
{
    private readonly ConcurrentDictionary<Address, Channel> _channels = new();

    /// <summary>How many channels are listened to.</summary>
    public int Count => _channels.Count;

    /// <summary>Raised for each channel that something was appended to, by whoever appended: must not block or throw.</summary>
    public event Action<Address>? Appended;

    /// <inheritdoc/>
    public void OnAppended(LogEntry entry)
    {
        Appended?.Invoke(entry.Channel);
        if (_channels.TryGetValue(entry.Channel, out var channel))
        {
            channel.OnAppended(entry);
        }
    }

    /// <summary>A subscription that stands at <paramref name="start"/> and is fed by nobody yet: <see cref="Channel.CatchUpAsync"/> starts it.</summary>
    public Subscription Add(Address address, ISubscriber subscriber, ImmutableArray<string> clients, Position start)
    {
        while (true)
        {
            var channel = _channels.GetOrAdd(address, a => new Channel(a, engine.Log, time, logger));
            var subscription = new Subscription(channel, subscriber, clients) { Start = start, Cursor = start, Told = start, Passed = start };
            if (channel.TryAdd(subscription))
            {
                return subscription;
            }
        }
    }

    /// <summary>Ends a subscription; the channel goes with its last one.</summary>
    public void Remove(Subscription subscription)
    {
        if (subscription.Channel.Remove(subscription))
        {
            _channels.TryRemove(new(subscription.Address, subscription.Channel));
        }
    }

    /// <summary>Who listens to a channel on this node.</summary>
    public IReadOnlyList<Subscription> Subscriptions(Address address) => _channels.TryGetValue(address, out var channel) ? channel.Subscriptions : [];
}
