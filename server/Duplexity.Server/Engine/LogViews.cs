using System.Diagnostics.CodeAnalysis;

namespace Duplexity.Server.Engine;

/// <summary>
/// What of a log on disk is in memory for readers: the last entries of the channels that were used last, bounded over all of them, and the ephemeral channels, which are nowhere else.
/// Only what is committed is here. Thread-safe.
/// </summary>
internal sealed class LogViews(DuplexityOptions options, IRetention retention, LogClock clock)
{
    /// <summary>What an entry costs beside its message.</summary>
    private const int Overhead = 256;

    /// <summary>Entries of one tail: who is further behind reads the disk.</summary>
    private const int MostOfOne = 1_000;

    private readonly Lock _lock = new();
    private readonly Recent<Address, LogTail> _tails = new(int.MaxValue);
    private readonly Dictionary<Address, MemoryChannel> _ephemeral = [];
    private long _bytes;
    private long _published;

    /// <summary>How often something was published: what was read from the disk meanwhile may be older than what is here.</summary>
    public long Published
    {
        get
        {
            lock (_lock)
            {
                return _published;
            }
        }
    }

    /// <summary>Whether the channel is one of those that are only here, and there now.</summary>
    public bool TryEphemeral(Address address, [MaybeNullWhen(false)] out Position top, [MaybeNullWhen(false)] out string epoch)
    {
        lock (_lock)
        {
            var found = _ephemeral.TryGetValue(address, out var channel);
            (top, epoch) = (channel?.Top, channel?.Epoch);
            return found;
        }
    }

    /// <summary>Why an ephemeral channel does not take it; null where it does.</summary>
    public AppendOutcome? Refusal(Address address, Fence? fence, SourcePlace? source)
    {
        lock (_lock)
        {
            return _ephemeral.TryGetValue(address, out var channel) ? channel.Refusal(fence, source) : null;
        }
    }

    public bool TryRead(Address address, Position? since, int limit, bool reverse, [MaybeNullWhen(false)] out LogPage page)
    {
        lock (_lock)
        {
            if (_ephemeral.TryGetValue(address, out var channel))
            {
                page = channel.Read(since, limit, reverse, clock.Now);
                return true;
            }

            page = null;
            if (!_tails.TryGet(address, out var tail))
            {
                return false;
            }

            Charge(tail, () => tail.Trim(clock.Now));

            // Forwards from a place that the tail knows; backwards where it has one more than is asked for: what is before it, only the disk can say.
            if (reverse ? (since is null || tail.Knows(since)) && (since?.Offset ?? (tail.Top.Offset + 1)) - tail.First > limit : since is not null && tail.Knows(since))
            {
                page = tail.Read(since, limit, reverse);
            }

            return page is not null;
        }
    }

    public Position? Top(Address address)
    {
        lock (_lock)
        {
            return _ephemeral.TryGetValue(address, out var channel) ? channel.Top : _tails.TryGet(address, out var tail) ? tail.Top : null;
        }
    }

    public Position? LastTaken(Address address, string edge)
    {
        lock (_lock)
        {
            return _ephemeral.TryGetValue(address, out var channel) ? channel.LastTaken(edge) : null;
        }
    }

    /// <summary>Makes an append visible: the disk has it, if it has to.</summary>
    public void Publish(AppendRequest request, IReadOnlyList<LogEntry> entries, IReadOnlyList<bool> isEphemeral)
    {
        lock (_lock)
        {
            _published++;
            for (var i = 0; i < entries.Count; i++)
            {
                if (isEphemeral[i])
                {
                    AddUnsynchronized(request, entries[i]);
                }
                else
                {
                    Add(TailOf(entries[i].Channel), entries[i], clock.Now);
                }
            }

            TrimUnsynchronized();
        }
    }

    /// <summary>Keeps a page that reaches the top, as the tail of a channel that has none: a thousand who come back after a restart read the disk once.</summary>
    public void Offer(Address address, ReadPage read, long published)
    {
        var page = read.Page;
        lock (_lock)
        {
            if (published == _published && page is { Recovered: true, End: true, Entries.Count: > 0 } && !_tails.TryGet(address, out _))
            {
                var tail = TailOf(address);
                for (var i = 0; i < page.Entries.Count; i++)
                {
                    Add(tail, page.Entries[i], read.Appended[i]);
                }

                TrimUnsynchronized();
            }
        }
    }

    public void Remove(Address address)
    {
        lock (_lock)
        {
            _published++;
            _ephemeral.Remove(address);
            if (_tails.TryGet(address, out var tail))
            {
                _bytes -= Cost(tail);
                _tails.Remove(address);
            }
        }
    }

    /// <summary>Ephemeral channels without anything that anybody could miss.</summary>
    public IReadOnlyList<Address> SweepEphemeral()
    {
        lock (_lock)
        {
            return [.. _ephemeral.Values.Where(c => !c.Sweep(clock.Now, options.Times.ChannelMarks)).Select(c => c.Address)];
        }
    }

    private static long Cost(LogTail tail) => tail.Bytes + ((long)tail.Count * Overhead);

    private void AddUnsynchronized(AppendRequest request, LogEntry entry)
    {
        if (!_ephemeral.TryGetValue(entry.Channel, out var channel))
        {
            channel = new MemoryChannel(entry.Channel, entry.Position.Epoch, retention.Of(entry.Channel), options.Limits);
            _ephemeral.Add(entry.Channel, channel);
        }

        channel.Raise(request.Fence, request.Source);
        channel.Append(entry, clock.Now);
    }

    private LogTail TailOf(Address address)
    {
        if (!_tails.TryGet(address, out var tail))
        {
            var kept = retention.Of(address);
            tail = new LogTail(kept with { Count = Math.Min(kept.Count, MostOfOne), Bytes = Math.Min(kept.Bytes, options.Limits.TailBytes / 8) });
            _tails.Set(address, tail);
        }

        return tail;
    }

    private void Add(LogTail tail, LogEntry entry, TimeSpan appended) => Charge(tail, () =>
    {
        // It came with a page already, or the two do not join: after a failed commit the disk may have one that nobody was told of.
        if (tail.Top == entry.Position)
        {
            return;
        }

        if (tail.Count > 0 && tail.Top != entry.Before)
        {
            tail.Clear();
        }

        tail.Append(entry, appended);
    });

    private void Charge(LogTail tail, Action change)
    {
        var before = Cost(tail);
        change();
        _bytes += Cost(tail) - before;
    }

    private void TrimUnsynchronized()
    {
        while (_bytes > options.Limits.TailBytes && _tails.RemoveOldest(out var oldest))
        {
            _bytes -= Cost(oldest);
        }
    }
}
