using Duplexity.Server.Engine;

namespace Duplexity.Server.Channels;

/// <summary>What arrived for a channel while its pump was busy, bounded; what is over is read from the log. Not thread-safe: the channel's lock is held around every call.</summary>
internal sealed class Hints
{
    /// <summary>Entries kept: more than any round trip brings, and little memory for a channel that nobody empties.</summary>
    private const int Most = 256;

    private readonly Queue<LogEntry> _entries = new();

    /// <summary>Whether the log has entries that are not here.</summary>
    public bool IsBehind { get; set; }

    public bool IsEmpty => _entries.Count == 0 && !IsBehind;

    public void Add(LogEntry entry)
    {
        if (_entries.Count < Most)
        {
            _entries.Enqueue(entry);
        }
        else
        {
            IsBehind = true;
        }
    }

    /// <summary>Takes everything: the entries that join the tail in the log's order, the new tail, and whether the log must be read behind it.</summary>
    public (List<Delivery> Round, Position Tail, bool MustRead) Take(Position tail)
    {
        List<Delivery> round = [];
        while (_entries.TryDequeue(out var entry))
        {
            if (entry.Before == tail)
            {
                round.Add(new Delivery(entry));
                tail = entry.Position;
            }
            else if (entry.Position.Offset > tail.Offset || entry.Position.Epoch != tail.Epoch)
            {
                IsBehind = true;
            }
        }

        var mustRead = IsBehind;
        IsBehind = false;
        return (round, tail, mustRead);
    }
}
