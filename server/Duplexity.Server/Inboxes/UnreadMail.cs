using Duplexity.Server.Engine;

namespace Duplexity.Server.Inboxes;

/// <summary>
/// What of an inbox no reader has acknowledged, entry by entry without the bodies: some 40 bytes each, so that a gate knows at once whether there is room. Not thread-safe.
/// </summary>
internal sealed class UnreadMail(Position start)
{
    private readonly Queue<Entry> _entries = new();

    /// <summary>The place behind which it begins.</summary>
    public Position Start { get; private set; } = start;

    /// <summary>The place of the last entry that it knows.</summary>
    public Position Tail { get; private set; } = start;

    public Tally Tally { get; } = new();

    /// <summary>Adds the entry that follows the tail.</summary>
    public void Add(LogEntry entry)
    {
        var message = entry.Message;
        _entries.Enqueue(new Entry(entry.Position, message.ChargedTo, message.Size, message.SentAt));
        Tally.Add(message.ChargedTo, message.Size);
        Tail = entry.Position;
    }

    /// <summary>Everything up to a place is acknowledged.</summary>
    public void Advance(Position through)
    {
        while (_entries.TryPeek(out var first) && first.Position.Offset <= through.Offset)
        {
            Drop();
        }

        Start = through.Offset > Start.Offset ? through : Start;
        Tail = Start.Offset > Tail.Offset ? Start : Tail;
    }

    /// <summary>Lets go of what the log's retention has taken by its age.</summary>
    public void Expire(DateTimeOffset oldest)
    {
        while (_entries.TryPeek(out var first) && first.SentAt < oldest)
        {
            Start = first.Position;
            Drop();
        }
    }

    private void Drop()
    {
        var entry = _entries.Dequeue();
        Tally.Remove(entry.Sender, entry.Size);
    }

    private readonly record struct Entry(Position Position, string Sender, int Size, DateTimeOffset SentAt);
}
