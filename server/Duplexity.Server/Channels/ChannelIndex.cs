using System.Collections.Concurrent;
using System.Collections.Immutable;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Channels;

/// <summary>
/// The channels that somebody on this node listens to, by address: the way from a channel to its sockets. A socket keeps the way back; the two always agree.
/// What the engine brings comes in here. Thread-safe.
/// </summary>
internal sealed class ChannelIndex(IEngine engine, DuplexityOptions options, TimeProvider time, ILogger<ChannelIndex> logger) : IEngineHandler
{
    private readonly ConcurrentDictionary<Address, Channel> _channels = new();
    private readonly LostPlaces _places = new(engine.Log);

    /// <summary>How many channels are listened to.</summary>
    public int Count => _channels.Count;

    /// <summary>Told of every entry that comes, before those who listen. Called from any thread; must not block or throw.</summary>
    public event Action<LogEntry>? Appended;

    /// <summary>Told where another node has changed something beside a channel's entries. As above.</summary>
    public event Action<Address>? Hinted;

    /// <inheritdoc/>
    public bool HearsAll => false;

    /// <inheritdoc/>
    public void OnAppended(LogEntry entry)
    {
        Appended?.Invoke(entry);
        if (_channels.TryGetValue(entry.Channel, out var channel))
        {
            channel.OnAppended(entry);
        }
    }

    /// <inheritdoc/>
    public void OnPresenceChanged(PresenceChange change)
    {
        if (_channels.TryGetValue(change.Channel, out var channel))
        {
            channel.Presence?.OnChanged(change);
        }
    }

    /// <inheritdoc/>
    public void OnPresenceMissed(Address channel)
    {
        if (_channels.TryGetValue(channel, out var there))
        {
            there.Presence?.OnMissed();
        }
    }

    /// <inheritdoc/>
    public void OnHinted(Address channel) => Hinted?.Invoke(channel);

    /// <summary>The channels that are listened to.</summary>
    public IEnumerable<Address> Addresses => _channels.Keys;

    /// <summary>A subscription that stands at <paramref name="start"/> and is fed by nobody yet: <see cref="Channel.CatchUpAsync"/> starts it. <paramref name="prepare"/> sees it before anybody else does.</summary>
    public Subscription Add(Address address, ISubscriber subscriber, ImmutableArray<string> clients, Position start, Action<Subscription>? prepare = null)
    {
        while (true)
        {
            var channel = _channels.GetOrAdd(address, a => new Channel(a, engine.Log, _places, time, logger));
            var subscription = new Subscription(channel, subscriber, clients) { Start = start, Cursor = start, Told = start, Passed = start };
            prepare?.Invoke(subscription);
            if (channel.TryAdd(subscription))
            {
                return subscription;
            }
        }
    }

    /// <summary>From here on a subscription's watchers are told who comes and goes: whoever reads the set after this misses nothing.</summary>
    public async ValueTask WatchAsync(Subscription subscription)
    {
        await subscription.Channel.FollowedAsync();
        await subscription.Channel.Watched(channel => new PresenceLine(channel, engine.Presence, options, time, logger)).BeginAsync();
    }

    /// <summary>The last entry that whoever was at a lost place of a channel has surely seen; null: nobody knows.</summary>
    public ValueTask<Position?> LastKnownAsync(Address address, Position lost) =>
        _channels.TryGetValue(address, out var channel) ? channel.Epochs.LastKnownAsync(lost) : _places.LastKnownAsync(address, lost);

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
