using System.Text.Json;
using Duplexity.Protocol;
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
        if (IsShared || reader.KnowsClaims)
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

    /// <summary>Lets a claim's lease begin anew. Null: it has. Its node knows that, and others that its node is there; where that one's own lease was over, it goes by another name since.</summary>
    public async ValueTask<(int Code, string Name)?> RenewAsync(InboxReader reader, Position position, int attempt, string by)
    {
        lock (_lock)
        {
            if (reader.Find(position, attempt, by, out var one) is { } refused)
            {
                return refused;
            }

            if (one.Node is null || one.Node == engine.Node)
            {
                one.Due = Touch() + options.Times.InboxClaim;
                return null;
            }
        }

        return await DecideAsync(reader, r =>
        {
            var refused = r.Find(position, attempt, by, out var one);
            if (refused is null)
            {
                one.Node = engine.Node;
            }

            return refused;
        });
    }

    /// <summary>Takes a claim back. Null: it has; it is offered again after that time, or after the pause of its attempt.</summary>
    public async ValueTask<(int Code, string Name)?> ReturnAsync(InboxReader reader, Position position, int attempt, string by, TimeSpan? after)
    {
        var refused = await DecideAsync(
            reader,
            r =>
            {
                var refused = r.Find(position, attempt, by, out var one);
                if (refused is null)
                {
                    one.Free(Touch() + (one.Attempt < options.Limits.InboxAttempts ? after ?? Pause(one.Attempt) : TimeSpan.Zero));
                }

                return refused;
            },
            ArmUnsynchronized);
        if (refused is null)
        {
            _ = DealAsync(reader);
        }

        return refused;
    }

    private void DealIfClaimed(InboxReader reader)
    {
        lock (_lock)
        {
            if (!reader.IsClaimed)
            {
                return;
            }
        }

        _ = DealAsync(reader);
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
        Position passed;
        int hands;
        bool isWaiting;
        lock (_lock)
        {
            (passed, hands, isWaiting) = (reader.Passed, _isLoaded ? reader.FreeHands(options.Limits.InboxWindow) : 0, reader.HasWaiting);
        }

        LogPage? page = null;
        Position? first = null;
        if (hands > 0)
        {
            page = await engine.Log.ReadAsync(Address, passed, Math.Min(hands, Page));
            first = page.Recovered ? null : await FirstAsync();
        }

        if (!isWaiting && first is null && page is not { Entries.Count: > 0 })
        {
            return;
        }

        var deals = await DecideAsync(reader, r => Deal(r, page?.Entries ?? [], first), () =>
        {
            reader.HasNews |= first is not null || page?.Entries.Count > 0;
            ArmUnsynchronized();
        });
        if (deals.Count == 0)
        {
            return;
        }

        if (!IsShared)
        {
            string record;
            lock (_lock)
            {
                record = JsonSerializer.Serialize(new ClaimsRecord(ReaderRecord.Of(reader), reader.Claims()));
            }

            // The attempt is a fencing token: it must not be told before it is known to whoever comes after a crash.
            await engine.Records.PutAsync(ClaimsRecord.Kind(Client), ClaimsRecord.Key(reader), record, Expiry);
        }

        foreach (var deal in deals)
        {
            await SendAsync(reader, deal);
        }
    }

    private List<Deal> Deal(InboxReader reader, IReadOnlyList<LogEntry> entries, Position? first)
    {
        var (leaseEnd, node) = (Touch() + options.Times.InboxClaim, IsShared ? engine.Node : null);
        var deals = reader.DealAgain(leaseEnd, node);
        if (first is not null)
        {
            // Retention has overtaken it, or the log has lost its tail: what is kept is offered.
            reader.Restart(first);
        }

        foreach (var entry in entries)
        {
            if (reader.DealNext(entry, leaseEnd, node) is { } deal)
            {
                deals.Add(deal);
            }
        }

        return deals;
    }

    private async Task SendAsync(InboxReader reader, Deal deal)
    {
        var (one, subscription) = (deal.One, deal.To.Subscription);
        if ((deal.Entry ?? await ReadAsync(one)) is { } entry)
        {
            subscription.Subscriber.Again(subscription, new Delivery(entry), deal.Attempt);
            return;
        }

        // Retention has taken it.
        await DecideAsync(reader, r => r.Settle(one.Position, subscription.Subscriber.SocketId, WithdrawnReason.DeadLetter), () => reader.HasNews = true);
    }

    /// <summary>A place that is kept; null where the log does not know it (any more).</summary>
    private async ValueTask<Position?> KnownAsync(string? kept) => kept is not null && Position.Parse(kept) is var place && await KnowsAsync(place) ? place : null;

    /// <summary>The entry of a message that is outstanding; null where the log does not have it any more.</summary>
    private async ValueTask<LogEntry?> ReadAsync(Outstanding one) =>
        (await engine.Log.ReadAsync(Address, one.Before, 1)).Entries is [var entry, ..] && entry.Position == one.Position ? entry : null;
}
