using Duplexity.Server.Engine;

namespace Duplexity.Server.Channels;

/// <summary>
/// Behind which places the epochs of a channel began, as far as this node has seen it: a log that has lost all entries of an epoch cannot say it any more, and whoever was in that epoch has all that lies before. Thread-safe.
/// </summary>
internal sealed class Epochs(IMessageLog log, LostPlaces places, Address channel)
{
    /// <summary>How many are remembered: each is a restart or a failover of the store.</summary>
    private const int Most = 8;

    private readonly Lock _lock = new();
    private readonly Queue<(string Epoch, Position Before)> _began = new();

    /// <summary>Entries were seen.</summary>
    public void See(IEnumerable<LogEntry> entries)
    {
        foreach (var first in entries.Where(e => e.Before.Epoch != e.Position.Epoch))
        {
            lock (_lock)
            {
                if (_began.Any(e => e.Epoch == first.Position.Epoch))
                {
                    continue;
                }

                _began.Enqueue((first.Position.Epoch, first.Before));
                if (_began.Count > Most)
                {
                    _began.Dequeue();
                }
            }
        }
    }

    /// <summary>
    /// The last entry that whoever was at a lost place has surely seen, as <see cref="LostPlaces"/> finds it; where the log has nothing of that epoch, the last one before it. Null: nobody knows, or it has left by retention.
    /// </summary>
    public async ValueTask<Position?> LastKnownAsync(Position lost, CancellationToken ct = default)
    {
        for (var place = lost; place is not null; place = Before(place.Epoch))
        {
            if (place == Position.Start)
            {
                return (await log.ReadAsync(channel, place, 1, ct: ct)).Recovered ? place : null;
            }

            if (await places.LastKnownAsync(channel, place, ct) is { } known)
            {
                return known;
            }
        }

        return null;
    }

    private Position? Before(string epoch)
    {
        lock (_lock)
        {
            return _began.FirstOrDefault(e => e.Epoch == epoch).Before;
        }
    }
}
