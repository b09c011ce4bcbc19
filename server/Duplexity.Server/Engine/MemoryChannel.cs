namespace Duplexity.Server.Engine;

/// <summary>
/// The log of one channel: a ring of the last entries, and the top, which stays when the entries have left. Offsets have no holes, so an entry is found by
/// subtraction. Not thread-safe: the log's lock is held around every call.
/// </summary>
internal sealed class MemoryChannel
{
    private const int FirstCapacity = 4;

    private readonly string _epoch;
    private readonly int _capacity;
    private Slot[] _ring = [];
    private int _head;
    private int _count;

    public MemoryChannel(Address address, string epoch, int capacity)
    {
        Address = address;
        _epoch = epoch;
        _capacity = capacity;
        Node = new(this);
    }

    private MemoryChannel(MemoryChannel other, string epoch)
        : this(other.Address, epoch, other._capacity)
    {
        _ring = [.. other._ring];
        _head = other._head;
        _count = other._count;
        Top = other.Top;
        LastAppend = other.LastAppend;
    }

    public Address Address { get; }

    /// <summary>The channel's place in the log's order of last use.</summary>
    public LinkedListNode<MemoryChannel> Node { get; }

    public Position Top { get; private set; } = Position.Start;

    public TimeSpan LastAppend { get; private set; }

    private long First => Top.Offset - _count + 1;

    public LogEntry Append(StoredMessage message, IReadOnlyList<Position> earlier, TimeSpan now)
    {
        MakeRoom();
        var entry = new LogEntry(Address, new Position(Top.Offset + 1, _epoch), Top, message, earlier);
        _ring[Index(_count)] = new(entry, now);
        _count++;
        Top = entry.Position;
        LastAppend = now;
        return entry;
    }

    /// <summary>Lets go of the entries appended before <paramref name="oldest"/>; an emptied channel costs its top only.</summary>
    public void Trim(TimeSpan oldest)
    {
        while (_count > 0 && _ring[_head].AppendedAt < oldest)
        {
            DropFirst();
        }

        if (_count == 0)
        {
            _ring = [];
            _head = 0;
        }
    }

    public LogPage Read(Position? since, int limit, bool reverse)
    {
        if (since is not null && !Knows(since))
        {
            return new LogPage(Recovered: false, [], Top, End: true);
        }

        return reverse ? ReadBackwards(since, limit) : ReadForwards(since, limit);
    }

    public MemoryChannel CopyAs(string epoch) => new(this, epoch);

    /// <summary>
    /// Whether nothing can be missing behind a place: it is that of a kept entry, of the last one that ever was, or the one that the first kept entry
    /// says it follows (<see cref="Position.Start"/> before anything left).
    /// </summary>
    private bool Knows(Position place) =>
        place == Top
        || (_count > 0 && place.Offset == First - 1 && place == At(First).Before)
        || (place.Offset >= First && place.Offset < Top.Offset && place == At(place.Offset).Position);

    private LogPage ReadForwards(Position? since, int limit)
    {
        var from = since is null ? First : since.Offset + 1;
        var entries = new LogEntry[Math.Clamp(Top.Offset - from + 1, 0, limit)];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = At(from + i);
        }

        return new LogPage(Recovered: true, entries, Top, End: from + entries.Length > Top.Offset);
    }

    private LogPage ReadBackwards(Position? since, int limit)
    {
        var from = since is null ? Top.Offset : since.Offset - 1;
        var entries = new LogEntry[Math.Clamp(from - First + 1, 0, limit)];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = At(from - i);
        }

        return new LogPage(Recovered: true, entries, Top, End: from - entries.Length < First);
    }

    private LogEntry At(long offset) => _ring[Index((int)(offset - First))].Entry;

    private int Index(int nth)
    {
        var index = _head + nth;
        return index < _ring.Length ? index : index - _ring.Length;
    }

    private void MakeRoom()
    {
        if (_count < _ring.Length)
        {
            return;
        }

        if (_count == _capacity)
        {
            DropFirst();
            return;
        }

        var larger = new Slot[Math.Min(_capacity, Math.Max(FirstCapacity, _ring.Length * 2))];
        for (var i = 0; i < _count; i++)
        {
            larger[i] = _ring[Index(i)];
        }

        _ring = larger;
        _head = 0;
    }

    private void DropFirst()
    {
        _ring[_head] = default;
        _head = Index(1);
        _count--;
    }

    private readonly record struct Slot(LogEntry Entry, TimeSpan AppendedAt);
}
