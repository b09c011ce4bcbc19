using System.Text.Json;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Inboxes;

/// <summary>Work that is dealt to one socket at a time, each message under a lease; its attempt is on disk before it leaves.</summary>
internal sealed partial class Inbox
{
    /// <summary>Whether a socket cannot read as a reader as it wants to.</summary>
    public bool Excludes(InboxReader reader, string socketId, bool isClaim)
    {
        lock (_lock)
        {
            return reader.Excludes(socketId, isClaim);
        }
    }

    /// <summary>Whether something of a reader's is claimed.</summary>
    public bool HasClaims(InboxReader reader)
    {
        lock (_lock)
        {
            return reader.HasClaims;
        }
    }

    /// <summary>Knows what was claimed before this process began.</summary>
    public async ValueTask LoadClaimsAsync(InboxReader reader)
    {
        if (reader.KnowsClaims)
        {
            return;
        }

        var record = await engine.Records.ReadAsync(ClaimsRecord.Kind(Client), ClaimsRecord.Key(reader));
        var kept = record is null ? null : JsonSerializer.Deserialize<ClaimsRecord>(record)!;

        // As when it is loaded: a log that has lost its tail may have other messages there by now.
        var place = kept is null ? null : await KnownAsync(kept.Reader.Place);
        var last = place is null ? null : await KnownAsync(kept!.Reader.LastSettled);
        lock (_lock)
        {
            if (!reader.KnowsClaims)
            {
                reader.Restore(kept?.Claims ?? [], place, last is null ? [] : kept!.Reader.Settled ?? [], last, Touch() + options.Times.InboxClaim);
                MovedUnsynchronized(reader);
            }
        }
    }

    /// <summary>Lets a claim's lease begin anew. Null: it has.</summary>
    public (int Code, string Name)? Renew(InboxReader reader, Position position, int attempt, string by)
    {
        lock (_lock)
        {
            if (reader.Find(position, attempt, by, out var one) is { } refused)
            {
                return refused;
            }

            one.Due = Touch() + options.Times.InboxClaim;
            return null;
        }
    }

    /// <summary>Takes a claim back. Null: it has; it is offered again after that time, or after the pause of its attempt.</summary>
    public (int Code, string Name)? Return(InboxReader reader, Position position, int attempt, string by, TimeSpan? after)
    {
        lock (_lock)
        {
            if (reader.Find(position, attempt, by, out var one) is { } refused)
            {
                return refused;
            }

            InboxReader.Free(one, Touch() + (one.Attempt < options.Limits.InboxAttempts ? after ?? Pause(one.Attempt) : TimeSpan.Zero));
            ArmUnsynchronized();
        }

        _ = DealAsync(reader);
        return null;
    }

    /// <summary>Something may be there for those who claim.</summary>
    private void DealAll()
    {
        InboxReader[] claimed;
        lock (_lock)
        {
            claimed = [.. _readers.Values.Where(r => r.IsClaimed)];
        }

        foreach (var reader in claimed)
        {
            // Not on the thread of whoever appends: it may have to write.
            _ = Task.Run(() => DealAsync(reader));
        }
    }

    /// <summary>Deals until nobody is free or nothing is left; one at a time for a reader, in whose order the messages are.</summary>
    private async Task DealAsync(InboxReader reader)
    {
        lock (_lock)
        {
            reader.HasNews = true;
            if (reader.IsDealing)
            {
                return;
            }

            reader.IsDealing = true;
        }

        while (true)
        {
            lock (_lock)
            {
                if (!reader.HasNews)
                {
                    reader.IsDealing = false;
                    return;
                }

                reader.HasNews = false;
            }

            try
            {
                await DealRoundAsync(reader);
            }
            catch (Exception e)
            {
                // What was dealt and did not leave is dealt again when its lease is over; for the rest it is tried again.
                host.Failed(this, e);
                lock (_lock)
                {
                    reader.DealAt = time.GetUtcNow() + Pause(1);
                    ArmUnsynchronized();
                }
            }
        }
    }

    private async Task DealRoundAsync(InboxReader reader)
    {
        // Where reading it anew has failed, or more came meanwhile, nobody else would begin again.
        await LoadedAsync();
        List<Deal> deals;
        Position passed;
        int hands;
        lock (_lock)
        {
            deals = reader.DealAgain(time.GetUtcNow() + options.Times.InboxClaim);
            (passed, hands) = (reader.Passed, _isLoaded ? reader.FreeHands(options.Limits.InboxWindow) : 0);
        }

        if (hands > 0)
        {
            var page = await engine.Log.ReadAsync(Address, passed, Math.Min(hands, Page));
            var first = page.Recovered ? null : await FirstAsync();
            lock (_lock)
            {
                DealPageUnsynchronized(reader, page, first, deals);
            }
        }

        if (deals.Count == 0)
        {
            return;
        }

        string record;
        lock (_lock)
        {
            record = JsonSerializer.Serialize(new ClaimsRecord(ReaderRecord.Of(reader), reader.Claims()));
            ArmUnsynchronized();
        }

        // The attempt is a fencing token: it must not be told before it is known to whoever comes after a crash.
        await engine.Records.PutAsync(ClaimsRecord.Kind(Client), ClaimsRecord.Key(reader), record, time.GetUtcNow() + (2 * options.Times.Retention));
        foreach (var deal in deals)
        {
            await SendAsync(reader, deal);
        }
    }

    private void DealPageUnsynchronized(InboxReader reader, LogPage page, Position? first, List<Deal> deals)
    {
        if (first is not null)
        {
            // Retention has overtaken it, or the log has lost its tail: what is kept is offered.
            reader.Restart(first);
            reader.HasNews = true;
            return;
        }

        foreach (var entry in page.Entries)
        {
            if (reader.DealNext(entry, Touch() + options.Times.InboxClaim) is { } deal)
            {
                deals.Add(deal);
            }
        }

        reader.HasNews |= page.Entries.Count > 0;
        MovedUnsynchronized(reader);
    }

    private async Task SendAsync(InboxReader reader, Deal deal)
    {
        var (one, subscription) = (deal.One, deal.To.Subscription);
        if ((deal.Entry ?? await ReadAsync(one)) is { } entry)
        {
            subscription.Subscriber.Again(subscription, new Delivery(entry), deal.Attempt);
            return;
        }

        lock (_lock)
        {
            // Retention has taken it.
            reader.Settle(one);
            reader.HasNews = true;
            MovedUnsynchronized(reader);
        }
    }

    /// <summary>A place that is kept; null where the log does not know it (any more).</summary>
    private async ValueTask<Position?> KnownAsync(string? kept) => kept is not null && Position.Parse(kept) is var place && await KnowsAsync(place) ? place : null;

    /// <summary>The entry of a message that is outstanding; null where the log does not have it any more.</summary>
    private async ValueTask<LogEntry?> ReadAsync(Outstanding one) =>
        (await engine.Log.ReadAsync(Address, one.Before, 1)).Entries is [var entry, ..] && entry.Position == one.Position ? entry : null;
}
