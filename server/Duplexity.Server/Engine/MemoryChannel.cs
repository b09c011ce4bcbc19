namespace Duplexity.Server.Engine;

/// <summary>
/// The log of one channel in memory, and what it has accepted from locks and cooked pipes, which outlives the entries like the top. Not thread-safe: the log's lock is held around every call.
/// </summary>
internal sealed class MemoryChannel
{
    private readonly Retention _retention;
    private readonly LimitOptions _limits;
    private readonly LogTail _entries;
    private Recent<string, long>? _tokens;
    private Recent<string, Position[]>? _taken;

    public MemoryChannel(Address address, string epoch, Retention retention, LimitOptions limits)
        : this(address, epoch, retention, limits, new LogTail(retention))
    {
    }

    private MemoryChannel(Address address, string epoch, Retention retention, LimitOptions limits, LogTail entries)
    {
        Address = address;
        Epoch = epoch;
        _retention = retention;
        _limits = limits;
        _entries = entries;
    }

    public Address Address { get; }

    /// <summary>The epoch of its next entry.</summary>
    public string Epoch { get; }

    public Position Top => _entries.Top;

    public LogEntry Append(StoredMessage message, IReadOnlyList<Position> earlier, TimeSpan now)
    {
        var entry = new LogEntry(Address, new Position(Top.Offset + 1, Epoch), Top, message, earlier);
        Append(entry, now);
        return entry;
    }

    /// <summary>Adds the entry that follows the top.</summary>
    public void Append(LogEntry entry, TimeSpan now)
    {
        _entries.Trim(now);
        _entries.Append(entry, now);
    }

    public LogPage Read(Position? since, int limit, bool reverse, TimeSpan now)
    {
        _entries.Trim(now);
        return _entries.Read(since, limit, reverse);
    }

    /// <summary>Why it does not take what comes with these; null where it does.</summary>
    public AppendOutcome? Refusal(Fence? fence, SourcePlace? source)
    {
        if (fence is not null && _tokens is not null && _tokens.TryPeek(fence.Lock, out var highest) && fence.Token < highest)
        {
            return AppendOutcome.StaleFence;
        }

        return source is not null && _taken is not null && _taken.TryPeek(source.Edge, out var places) && TakenPlaces.Include(places, source.Place)
            ? AppendOutcome.AlreadyTaken
            : null;
    }

    /// <summary>Remembers what came with an append.</summary>
    public void Raise(Fence? fence, SourcePlace? source)
    {
        if (fence is not null)
        {
            (_tokens ??= new(_limits.LocksPerChannel)).Set(fence.Lock, fence.Token);
        }

        if (source is not null)
        {
            _taken ??= new(_limits.SourcesPerChannel);
            _taken.Set(source.Edge, TakenPlaces.With(_taken.TryGet(source.Edge, out var places) ? places : [], source.Place));
        }
    }

    public Position? LastTaken(string edge) => _taken is not null && _taken.TryPeek(edge, out var places) ? places[^1] : null;

    /// <summary>Lets go of what is too old; false when nothing is left that anybody could miss.</summary>
    public bool Sweep(TimeSpan now, TimeSpan keepMarks)
    {
        _entries.Trim(now);
        var idle = now - _entries.LastAppend;

        // The top stays for as long again, so that a reader who was away for the whole retention is still told that something is gone.
        return _entries.Count > 0 || idle <= 2 * _retention.Age || ((_tokens is not null || _taken is not null) && idle <= keepMarks);
    }

    public MemoryChannel CopyAs(string epoch) => new(Address, epoch, _retention, _limits, _entries.Copy()) { _tokens = _tokens?.Copy(), _taken = _taken?.Copy() };
}
