using System.Collections.Concurrent;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>
/// How many channels each client has brought into being within the last hour, on this node: by a message or a join where nobody is and nothing was said, or by hand (G24). Such a channel vanishes by itself
/// when it is empty of members and of messages. Each counts once, however many at once bring it. Thread-safe.
/// </summary>
internal sealed class NewChannels(IEngine engine, ChannelIndex channels, RoomBook book, DuplexityOptions options, TimeProvider time)
{
    private static readonly TimeSpan Window = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<string, Taken> _taken = new();
    private long _lastSweep = time.GetTimestamp();

    /// <summary>Counts the channel, if it is a new one; an error where this is one too many. A trial counts nothing.</summary>
    public DuplexityError? Take(string client, Address channel, bool isTrial = false)
    {
        if (IsThere(client, channel))
        {
            return null;
        }

        var top = engine.Log.TopAsync(channel);
        if (top.IsCompletedSuccessfully)
        {
            return top.Result != Position.Start ? null : Count(client, channel, isTrial, out _);
        }

        // Not in the engine's memory, and nothing may wait here (G11): counted, and given back where it turns out to have been there.
        var refused = Count(client, channel, isTrial, out var isCounted);
        _ = GiveBackAsync(client, channel, top, isCounted);
        return refused;
    }

    /// <summary>Counts a channel that is known to be a new one, once within the hour; an error where this is one too many.</summary>
    public DuplexityError? TakeNew(string client, Address channel, bool isTrial = false) => Count(client, channel, isTrial, out _);

    private DuplexityError? Count(string client, Address channel, bool isTrial, out bool isCounted)
    {
        isCounted = false;
        Sweep();
        var now = time.GetTimestamp();
        while (true)
        {
            var taken = _taken.GetOrAdd(client, _ => new Taken());
            lock (taken)
            {
                if (taken.IsOver)
                {
                    continue;
                }

                if (taken.Channels.Count >= options.Limits.NewChannelsPerHour)
                {
                    Prune(taken, now);
                }

                if (taken.Channels.ContainsKey(channel))
                {
                    return null;
                }

                if (taken.Channels.Count >= options.Limits.NewChannelsPerHour)
                {
                    var wait = taken.Channels.Count == 0 ? Window : Window - time.GetElapsedTime(taken.Channels.Values.Min(), now);
                    var error = DuplexityError.Of(
                        Errors.RateLimited, $"{VisibleText.Of(client)} has brought {taken.Channels.Count} channels into being within the last hour, on this node; that is as many as it may.");
                    return error with { Limit = "new_channels_per_hour", Used = taken.Channels.Count, RetryAfterMs = (long)Math.Ceiling(wait.TotalMilliseconds) };
                }

                if (!isTrial)
                {
                    taken.Channels.Add(channel, now);
                    isCounted = true;
                }

                return null;
            }
        }
    }

    private void Prune(Taken taken, long now)
    {
        foreach (var (channel, at) in taken.Channels)
        {
            if (time.GetElapsedTime(at, now) >= Window)
            {
                taken.Channels.Remove(channel);
            }
        }
    }

    /// <summary>Whether a channel needs nobody to bring it into being, whatever was said there.</summary>
    private bool IsThere(string client, Address channel) => channel.Kind is not (AddressKind.Room or AddressKind.Client)
        || (channel.Kind == AddressKind.Client && channel.Name == client)
        || channels.Subscriptions(channel).Count > 0
        || (channel.Kind == AddressKind.Room && book.Find(channel.Name) is not null);

    private async Task GiveBackAsync(string client, Address channel, ValueTask<Position> top, bool isCounted)
    {
        try
        {
            // The first message may be the very one that was counted.
            if ((await top).Offset > 1 && isCounted && _taken.TryGetValue(client, out var taken))
            {
                lock (taken)
                {
                    taken.Channels.Remove(channel);
                }
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // What the disk does not say stays counted; whoever sends is told by its append what is wrong with it.
        }
    }

    /// <summary>Forgets those of whom nothing counts any more, once an hour.</summary>
    private void Sweep()
    {
        var last = Volatile.Read(ref _lastSweep);
        var now = time.GetTimestamp();
        if (time.GetElapsedTime(last, now) < Window || Interlocked.CompareExchange(ref _lastSweep, now, last) != last)
        {
            return;
        }

        foreach (var (client, taken) in _taken)
        {
            lock (taken)
            {
                Prune(taken, now);
                if (taken.Channels.Count == 0)
                {
                    taken.IsOver = true;
                    _taken.TryRemove(new(client, taken));
                }
            }
        }
    }

    private sealed class Taken
    {
        /// <summary>What was counted, and when.</summary>
        public Dictionary<Address, long> Channels { get; } = [];

        public bool IsOver { get; set; }
    }
}
