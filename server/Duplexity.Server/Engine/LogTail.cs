namespace Duplexity.Server.Engine;

/// <summary>
/// The last entries of one channel as a ring, and the top, which stays when the entries have left. Offsets have no holes, so an entry is found by
/// subtraction. Not thread-safe: the log's lock is held around every call.
/// </summary>
internal sealed class LogTail(Retention retention)
{
    private const int FirstCapacity = 4;

    private Slot[] _ring = [];
    private int _head;

    public Position Top { get; private set; } = Position.Start;

    public TimeSpan LastAppend { get; private set; }

    public int Count { get; private set; }

    /// <summary>The sizes of the kept entries' messages, summed up.</summary>
    public long Bytes { get; private set; }

    /// <summary>The offset of the first kept entry; behind the top where there is none.</summary>
    public long First => Top.Offset - Count + 1;

    /// <summary>When the first kept entry was appended.</summary>
    public TimeSpan FirstAppend => _ring[_head].AppendedAt;

    /// <summary>Adds the entry that follows the top; what the bounds no longer hold leaves.</summary>
    public void Append(LogEntry entry, TimeSpan now)
    {
        MakeRoom();
        var size = entry.Message.Size;
        _ring[Index(Count)] = new(entry, size, now);
        Count++;
        Bytes += size;
        Top = entry.Position;
        LastAppend = now;
        while (Bytes > retention.Bytes && Count > 1)
        {
            DropFirst();
        }
    }

    /// <summary>Lets go of the entries that are older than they may be.</summary>
    public void Trim(TimeSpan now)
    {
        while (Count > 0 && now - FirstAppend > retention.Age)
        {
            DropFirst();
        }

        if (Count == 0)
        {
            _ring = [];
            _head = 0;
        }
    }

    /// <summary>Lets go of everything, as if nothing had been there.</summary>
    public void Clear()
    {
        (_ring, _head, Count, Bytes, Top) = ([], 0, 0, 0, Position.Start);
    }

    public LogPage Read(Position? since, int limit, bool reverse)
    {
        if (since is not null && !Knows(since))
        {
            return new LogPage(Recovered: false, [], Top, End: true);
        }

        return reverse ? ReadBackwards(since, limit) : ReadForwards(since, limit);
    }

    /// <summary>
    /// Whether nothing can be missing behind a place: it is that of a kept entry, of the last one that ever was, or the one that the first kept entry
    /// says it follows (<see cref="Position.Start"/> before anything left).
    /// </summary>
    public bool Knows(Position place) =>
        place == Top
        || (Count > 0 && place.Offset == First - 1 && place == At(First).Before)
        || (place.Offset >= First && place.Offset < Top.Offset && place == At(place.Offset).Position);

    public LogTail Copy() => new(retention) { _ring = [.. _ring], _head = _head, Count = Count, Bytes = Bytes, Top = Top, LastAppend = LastAppend };

    private LogPage ReadForwards(Position? since, int limit)
    {
        var from = since is null ? First : since.Offset + 1;
        var entries = Take(from, 1, Math.Clamp(Top.Offset - from + 1, 0, limit));
        return new LogPage(Recovered: true, entries, Top, End: from + entries.Length > Top.Offset);
    }

    private LogPage ReadBackwards(Position? since, int limit)
    {
        var from = since is null ? Top.Offset : since.Offset - 1;
        var entries = Take(from, -1, Math.Clamp(from - First + 1, 0, limit));
        return new LogPage(Recovered: true, entries, Top, End: from - entries.Length < First);
    }

    /// <summary>The entries from one on, this way or that: as many as there are to have, as far as a page goes.</summary>
    private LogEntry[] Take(long from, int step, long most)
    {
        var (count, bytes) = (0, 0L);
        while (count < most && bytes < LogPage.MaxBytes)
        {
            bytes += SlotAt(from + (step * count)).Size;
            count++;
        }

        var entries = new LogEntry[count];
        for (var i = 0; i < count; i++)
        {
            entries[i] = At(from + (step * i));
        }

        return entries;
    }

    private LogEntry At(long offset) => SlotAt(offset).Entry;

    private ref readonly Slot SlotAt(long offset) => ref _ring[Index((int)(offset - First))];

    private int Index(int nth)
    {
        var index = _head + nth;
        return index < _ring.Length ? index : index - _ring.Length;
    }

    private void MakeRoom()
    {
        if (Count < _ring.Length)
        {
            return;
        }

        if (Count == retention.Most)
        {
            DropFirst();
            return;
        }

        var larger = new Slot[Math.Min(retention.Most, Math.Max(FirstCapacity, _ring.Length * 2))];
        for (var i = 0; i < Count; i++)
        {
            larger[i] = _ring[Index(i)];
        }

        _ring = larger;
        _head = 0;
    }

    private void DropFirst()
    {
        Bytes -= _ring[_head].Size;
        _ring[_head] = default;
        _head = Index(1);
        Count--;
    }

    private readonly record struct Slot(LogEntry Entry, int Size, TimeSpan AppendedAt);
}
