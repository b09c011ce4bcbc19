using System.Collections.Concurrent;

namespace Duplexity.Server.Engine;

/// <summary>
/// Where readers go on whose place is gone with the end of a log: a failover to a replica that lacked it, a restored backup (G2). Where its epochs end is read once for each new epoch of a channel and not for each reader, so whoever makes
/// places up makes nobody read (G24). Thread-safe.
/// </summary>
internal sealed class LostPlaces(IMessageLog log)
{
    /// <summary>How many entries are looked at, from the end: what was stored since is as a rule few.</summary>
    private const int Most = 1_000;

    /// <summary>Entries of one read.</summary>
    private const int Page = 100;

    /// <summary>How many channels are remembered, with a few epochs each; then all are forgotten, and read again.</summary>
    private const int MostChannels = 10_000;

    private readonly ConcurrentDictionary<Address, Ends> _channels = new();

    /// <summary>
    /// The last entry that is surely one of those up to <paramref name="lost"/>: the same epoch, an offset not above. What stands behind it whoever was there has not seen. Null: it was not among the last <see cref="Most"/>, or the place or
    /// what is left of its epoch has left by retention.
    /// </summary>
    public async ValueTask<Position?> LastKnownAsync(Address channel, Position lost, CancellationToken ct = default)
    {
        var top = await log.TopAsync(channel, ct);
        var last = lost.Epoch == top.Epoch ? top : (await EndsOf(channel, top).Reading.Value.WaitAsync(ct)).GetValueOrDefault(lost.Epoch);
        return last is not null && last.Offset <= lost.Offset && (await log.ReadAsync(channel, last, 1, ct: ct)).Recovered ? last : null;
    }

    private Ends EndsOf(Address channel, Position top)
    {
        while (true)
        {
            // A log that has lost its end stands lower, or its next entry has another epoch: else what is before its newest epoch is as it was.
            var there = _channels.GetValueOrDefault(channel);
            if (there is { HasFailed: false } && there.Top.Epoch == top.Epoch && there.Top.Offset <= top.Offset)
            {
                return there;
            }

            if (_channels.Count >= MostChannels)
            {
                _channels.Clear();
                there = null;
            }

            var read = new Ends(top, new(() => ReadAsync(channel)));
            if (there is null ? _channels.TryAdd(channel, read) : _channels.TryUpdate(channel, read, there))
            {
                return read;
            }
        }
    }

    /// <summary>The last entry of each epoch. For all who ask meanwhile, so none of them ends it.</summary>
    private async Task<Dictionary<string, Position>> ReadAsync(Address channel)
    {
        var ends = new Dictionary<string, Position>(StringComparer.Ordinal);
        Position? before = null;
        for (var seen = 0; seen < Most;)
        {
            var page = await log.ReadAsync(channel, before, Page, reverse: true);
            foreach (var entry in page.Entries)
            {
                ends.TryAdd(entry.Position.Epoch, entry.Position);
                before = entry.Position;
            }

            if (page.End || page.Entries.Count == 0)
            {
                break;
            }

            seen += page.Entries.Count;
        }

        return ends;
    }

    /// <param name="Top">The channel's top when it was asked for.</param>
    /// <param name="Reading">The last entry of each epoch.</param>
    private sealed record Ends(Position Top, Lazy<Task<Dictionary<string, Position>>> Reading)
    {
        public bool HasFailed => Reading is { IsValueCreated: true, Value: { IsCompleted: true, IsCompletedSuccessfully: false } };
    }
}
