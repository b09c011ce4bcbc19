using System.Collections.Concurrent;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>
/// How many channels each client has brought into being within the last hour, on this node: by a message or a join where nobody is and nothing was said, or by hand (G24). Such a channel vanishes by itself
/// when it is empty of members and of messages. Thread-safe.
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
            return top.Result != Position.Start ? null : TakeOne(client, isTrial);
        }

        // Not in the engine's memory, and nothing may wait here (G11): counted, and given back where it turns out to have been there.
        var refused = TakeOne(client, isTrial);
        _ = GiveBackAsync(client, top, isTaken: refused is null && !isTrial);
        return refused;
    }

    /// <summary>Counts one; an error where this is one too many.</summary>
    public DuplexityError? TakeOne(string client, bool isTrial = false)
    {
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

                while (taken.Times.TryPeek(out var first) && time.GetElapsedTime(first, now) >= Window)
                {
                    taken.Times.Dequeue();
                }

                if (taken.Times.Count >= options.Limits.NewChannelsPerHour)
                {
                    var wait = taken.Times.TryPeek(out var oldest) ? Window - time.GetElapsedTime(oldest, now) : Window;
                    var error = DuplexityError.Of(
                        Errors.RateLimited, $"{VisibleText.Of(client)} has brought {taken.Times.Count} channels into being within the last hour, on this node; that is as many as it may.");
                    return error with { Limit = "new_channels_per_hour", Used = taken.Times.Count, RetryAfterMs = (long)Math.Ceiling(wait.TotalMilliseconds) };
                }

                if (!isTrial)
                {
                    taken.Times.Enqueue(now);
                }

                return null;
            }
        }
    }

    /// <summary>Whether a channel needs nobody to bring it into being, whatever was said there.</summary>
    private bool IsThere(string client, Address channel) => channel.Kind is not (AddressKind.Room or AddressKind.Client)
        || (channel.Kind == AddressKind.Client && channel.Name == client)
        || channels.Subscriptions(channel).Count > 0
        || (channel.Kind == AddressKind.Room && book.Find(channel.Name) is not null);

    private async Task GiveBackAsync(string client, ValueTask<Position> top, bool isTaken)
    {
        try
        {
            // The first message may be the very one that was counted.
            if ((await top).Offset > 1 && isTaken && _taken.TryGetValue(client, out var taken))
            {
                lock (taken)
                {
                    taken.Times.TryDequeue(out _);
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
                if (taken.Times.Count == 0 || time.GetElapsedTime(taken.Times.Last(), now) >= Window)
                {
                    taken.IsOver = true;
                    _taken.TryRemove(new(client, taken));
                }
            }
        }
    }

    private sealed class Taken
    {
        public Queue<long> Times { get; } = new();

        public bool IsOver { get; set; }
    }
}
