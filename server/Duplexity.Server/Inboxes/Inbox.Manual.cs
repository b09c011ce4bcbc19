using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Inboxes;

/// <summary>What readers that acknowledge by hand are offered, and what comes to them again.</summary>
internal sealed partial class Inbox
{
    /// <summary>A socket begins to read as one of its readers; false where others read it in a way that excludes this one.</summary>
    public bool Arrive(InboxReading reading)
    {
        lock (_lock)
        {
            if (reading.Reader.Excludes(reading.SocketId, reading.IsClaim))
            {
                return false;
            }

            reading.Reader.Arrive(reading, Touch() + options.Times.InboxAgain);
            ArmUnsynchronized();
        }

        if (reading.IsClaim)
        {
            _ = DealAsync(reading.Reader);
        }

        return true;
    }

    /// <summary>A subscription is over.</summary>
    public void Leave(InboxReading reading)
    {
        lock (_lock)
        {
            Touch();
            reading.Reader.Leave(reading);
            _room?.TrySetResult();
            _room = null;
            ArmUnsynchronized();
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
        var next = _readers.Values.Min(r => r.NextDue);
        if (next is null && _timer is null)
        {
            return;
        }

        _timer ??= time.CreateTimer(_ => _ = ComeAgainAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        var pause = next is { } due ? TimeSpan.FromTicks(Math.Max(0, (due - time.GetUtcNow()).Ticks)) : Timeout.InfiniteTimeSpan;
        _timer.Change(pause, Timeout.InfiniteTimeSpan);
    }

    private async Task ComeAgainAsync()
    {
        List<(InboxReader Reader, Outstanding One, int Attempt, Subscription[] To)> again = [];
        List<Withdrawal> told = [];
        lock (_lock)
        {
            var now = time.GetUtcNow();
            foreach (var reader in _readers.Values)
            {
                reader.DealAt = reader.DealAt > now ? reader.DealAt : null;
                Subscription[] to = [.. reader.Readings.Where(r => r.IsManual).Select(r => r.Subscription)];
                foreach (var one in reader.Due(now))
                {
                    if (one.Attempt >= options.Limits.InboxAttempts)
                    {
                        // A dead letter that cannot be kept now is tried again like the rest.
                        one.Due = now + Pause(one.Attempt + 1);
                        again.Add((reader, one, one.Attempt, []));
                    }
                    else if (one.IsClaim)
                    {
                        // It was the lease that was over, or the pause behind it.
                        told.AddRange(WithdrawnUnsynchronized(reader, one, null, WithdrawnReason.Expired));
                        InboxReader.Free(one, now);
                        one.IsWaiting = true;
                    }
                    else
                    {
                        reader.Again(one, now + Pause(one.Attempt + 1));
                        one.OfferedTo.UnionWith(to.Select(s => s.Subscriber.SocketId));
                        again.Add((reader, one, one.Attempt, to));
                    }
                }
            }

            ArmUnsynchronized();
        }

        Tell(told);
        DealAll();
        foreach (var (reader, one, attempt, to) in again)
        {
            await ComeAgainAsync(reader, one, attempt, to);
        }
    }

    private async Task ComeAgainAsync(InboxReader reader, Outstanding one, int attempt, Subscription[] to)
    {
        try
        {
            var entry = await ReadAsync(one);
            if (entry is not null && to.Length > 0)
            {
                foreach (var subscription in to.Where(s => !s.IsClosed))
                {
                    subscription.Subscriber.Again(subscription, new Delivery(entry), attempt);
                }

                return;
            }

            if (entry is not null)
            {
                await host.BuryAsync(this, entry, attempt);
            }

            Withdrawal[] told;
            lock (_lock)
            {
                told = WithdrawnUnsynchronized(reader, one, null, WithdrawnReason.DeadLetter);
                reader.Settle(one);
                MovedUnsynchronized(reader);
                ArmUnsynchronized();
            }

            Tell(told);
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
