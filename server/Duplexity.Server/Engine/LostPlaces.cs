namespace Duplexity.Server.Engine;

/// <summary>Where a reader goes on whose place is gone with the end of a log: a failover to a replica that lacked it, a restored backup (G2).</summary>
internal static class LostPlaces
{
    /// <summary>How many entries are looked at, from the end: what was stored since is as a rule few, and a place that somebody made up costs no more.</summary>
    private const int Most = 1_000;

    /// <summary>Entries of one read.</summary>
    private const int Page = 100;

    /// <summary>
    /// The last entry that is surely one of those up to <paramref name="lost"/>: the same epoch, an offset not above. What stands behind it whoever was there has not seen. Null: it is not among the last <see cref="Most"/>, or the place has
    /// left by retention, and not with the end.
    /// </summary>
    public static async ValueTask<Position?> LastKnownAsync(this IMessageLog log, Address channel, Position lost, CancellationToken ct = default)
    {
        Position? before = null;
        for (var seen = 0; seen < Most;)
        {
            var page = await log.ReadAsync(channel, before, Page, reverse: true, ct);
            foreach (var entry in page.Entries)
            {
                if (entry.Position.Epoch == lost.Epoch)
                {
                    return entry.Position.Offset <= lost.Offset ? entry.Position : null;
                }

                before = entry.Position;
            }

            if (page.End || page.Entries.Count == 0)
            {
                return null;
            }

            seen += page.Entries.Count;
        }

        return null;
    }
}
