using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Inboxes;

/// <summary>What readers that acknowledge by hand are offered, and what comes to them again.</summary>
internal sealed partial class Inbox
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromDays(1);

    private bool _isComingAgain;

    /// <summary>A socket begins to read as one of its readers; false where others read it in a way that excludes this one.</summary>
    public async ValueTask<bool> ArriveAsync(InboxReading reading)
    {
        var reader = reading.Reader;
        var gone = IsShared ? await GoneAsync(reader) : [];
        var (isIn, due) = (false, time.GetUtcNow() + options.Times.InboxAgain);
        bool Arrive(InboxReader r)
        {
            if (gone.Length > 0)
            {
                r.Forget(gone);
            }

            if (isIn = !r.Excludes(reading.SocketId, reading.IsClaim))
            {
                Touch();
                r.Arrive(reading, due);
            }

            return isIn;
        }

        await DecideAsync(reader, Arrive, () =>
        {
            if (isIn && IsShared)
            {
                // So far on the draft.
                reader.Arrive(reading, due);
            }

            ArmUnsynchronized();
        });
        if (isIn && reading.IsClaim)
        {
            _ = DealAsync(reader);
        }

        return isIn;
    }

    /// <summary>A subscription is over.</summary>
    public void Leave(InboxReading reading)
    {
        lock (_lock)
        {
            Touch();
            reading.Reader.Leave(reading);
            FreeRoomUnsynchronized();
            ArmUnsynchronized();
        }

        if (IsShared)
        {
            // Where its client goes on it is known by then how far it is.
            host.Changed(this);
            _ = TryKeepAsync();
        }
    }

    /// <summary>Whether a reader may have more in hand.</summary>
    public bool HasRoom(InboxReading reading)
    {
        lock (_lock)
        {
            return HasRoomUnsynchronized(reading);
        }
    }

    /// <summary>Completes when it may.</summary>
    public async ValueTask WaitForRoomAsync(InboxReading reading, CancellationToken ct)
    {
        while (true)
        {
            Task room;
            lock (_lock)
            {
                if (HasRoomUnsynchronized(reading))
                {
                    return;
                }

                room = (_room ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            await room.WaitAsync(ct);
        }
    }

    /// <summary>An entry is about to leave for a reader; false where it must not.</summary>
    public bool Offer(InboxReading reading, LogEntry entry, out int attempt)
    {
        lock (_lock)
        {
            var isOffered = reading.Reader.Offer(reading.SocketId, entry, Touch() + options.Times.InboxAgain, options.Limits.InboxAttempts, out attempt);
            ArmUnsynchronized();
            if (attempt > 1 && IsShared)
            {
                host.Changed(this);
            }

            return isOffered;
        }
    }

    /// <summary>Everything up to a place has left for a reader, or was not for it.</summary>
    public void Pass(InboxReader reader, Position through)
    {
        lock (_lock)
        {
            var before = reader.Cursor;
            reader.Pass(through);
            if (reader.Cursor != before)
            {
                MovedUnsynchronized(reader);
            }
        }
    }

    /// <summary>A reader goes on behind a place of its own that lies beyond what it has acknowledged: what lies between is in its hands, whoever offered it.</summary>
    public async ValueTask TakeUpAsync(InboxReader reader, Position since, string by)
    {
        var at = reader.Cursor;
        while (at.Offset < since.Offset)
        {
            var page = await engine.Log.ReadAsync(Address, at, Page);
            if (!page.Recovered || page.Entries.Count == 0)
            {
                return;
            }

            lock (_lock)
            {
                foreach (var entry in page.Entries.TakeWhile(e => e.Position.Offset <= since.Offset))
                {
                    reader.TakeUp(by, entry, Touch() + options.Times.InboxAgain);
                }
            }

            at = page.Entries[^1].Position;
        }
    }

    private bool HasRoomUnsynchronized(InboxReading reading) => reading.Reader.InHand + reading.InLine < options.Limits.InboxWindow;

    private void ArmUnsynchronized()
    {
        if (_isComingAgain)
        {
            // It does that at its end.
            return;
        }

        var next = _readers.Values.Min(r => r.NextDue);
        if (NextLookUnsynchronized() is { } look && (next is null || look < next))
        {
            next = look;
        }

        if (next is null && _timer is null)
        {
            return;
        }

        _timer ??= time.CreateTimer(_ => _ = ComeAgainAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        var pause = next is { } due ? TimeSpan.FromTicks(Math.Clamp((due - time.GetUtcNow()).Ticks, 0, LongestPause.Ticks)) : Timeout.InfiniteTimeSpan;
        _timer.Change(pause, Timeout.InfiniteTimeSpan);
    }

    private async Task ComeAgainAsync()
    {
        InboxReader[] readers;
        bool isLooking;
        lock (_lock)
        {
            if (_isComingAgain)
            {
                return;
            }

            _isComingAgain = true;
            readers = [.. _readers.Values];
            isLooking = NextLookUnsynchronized() <= time.GetUtcNow();
        }

        if (isLooking)
        {
            await TryLookAsync();
        }

        foreach (var reader in readers)
        {
            await ComeAgainAsync(reader);
        }

        lock (_lock)
        {
            _isComingAgain = false;
            ArmUnsynchronized();
        }

        DealAll();
    }

    private async Task ComeAgainAsync(InboxReader reader)
    {
        var (now, most) = (time.GetUtcNow(), options.Limits.InboxAttempts);
        try
        {
            bool isDue;
            Outstanding[] elsewhere;
            lock (_lock)
            {
                reader.DealAt = reader.DealAt > now ? reader.DealAt : null;
                reader.Ripen(now, most);
                (isDue, elsewhere) = (reader.HasDue(now, engine.Node), reader.DueElsewhere(now, engine.Node));
            }

            if (isDue)
            {
                foreach (var (one, attempt) in await DecideAsync(reader, r => r.ComeAgain(now, most, Pause, engine.Node)))
                {
                    _ = GiveUpAsync(reader, one, attempt);
                }
            }

            if (elsewhere.Length > 0)
            {
                await LookAfterAsync(reader, elsewhere);
            }
        }
        catch (Exception e)
        {
            host.Failed(this, e);
            lock (_lock)
            {
                reader.Postpone(now, time.GetUtcNow() + Pause(1));
            }
        }
    }

    private async Task OfferAnewAsync(Anew[] anew)
    {
        foreach (var (reader, one, attempt, to) in anew)
        {
            try
            {
                if (await ReadAsync(one) is not { } entry)
                {
                    // Retention has taken it.
                    await DecideAsync(reader, r => r.Settle(one.Position, null, WithdrawnReason.DeadLetter));
                    continue;
                }

                foreach (var subscription in to.Where(s => !s.IsClosed))
                {
                    subscription.Subscriber.Again(subscription, new Delivery(entry), attempt);
                }
            }
            catch (Exception e)
            {
                host.Failed(this, e);
            }
        }
    }

    private async Task GiveUpAsync(InboxReader reader, Outstanding one, int attempt)
    {
        try
        {
            if (await ReadAsync(one) is { } entry)
            {
                await host.BuryAsync(this, entry, attempt);
            }

            await DecideAsync(reader, r => r.Settle(one.Position, null, WithdrawnReason.DeadLetter), ArmUnsynchronized);
            DealAll();
        }
        catch (Exception e)
        {
            host.Failed(this, e);
        }
    }

    /// <summary>How long after an attempt the next one is made.</summary>
    private TimeSpan Pause(int attempt) => TimeSpan.FromTicks(Math.Min(options.Times.InboxAgainMost.Ticks, options.Times.InboxAgain.Ticks << Math.Min(attempt - 1, 20)));
}
