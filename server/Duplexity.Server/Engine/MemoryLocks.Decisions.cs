using static Duplexity.Server.Engine.MemoryLock;

namespace Duplexity.Server.Engine;

/// <content>Who gets a lock, in memory: what of it is written and told, the changes do.</content>
internal sealed partial class MemoryLocks
{
    private LockAnswer DecideUnsynchronized(MemoryLock held, LockRequest request, List<LockChange> told)
    {
        if (held.Held is { } own && own.Holder == request.Holder && own.Ticket == request.Ticket)
        {
            return Answer(LockOutcome.Granted);
        }

        if (request.Token is { } token)
        {
            if (held.Held is not { } before || before.Holder.Client != request.Holder.Client || (before.Token != token && before.Ticket != request.Ticket))
            {
                return Answer(LockOutcome.Lost);
            }

            WithdrawUnsynchronized(held, w => w.Holder == request.Holder && w.Ticket == request.Ticket);
            _places.Remove(before.Holder, held);
            told.Add(held.Change(LockEvent.TakenOver, before));
            GiveUnsynchronized(held, request.Holder, request.Ticket, request.Lease, told);
            return Answer(LockOutcome.Granted);
        }

        if (PlaceOf(held, request) is > 0 and var place)
        {
            return Answer(LockOutcome.Queued, place);
        }

        var isFree = held.Held is null;
        if (!isFree && request.Wait <= TimeSpan.Zero)
        {
            return Answer(LockOutcome.Taken, held.Line.Count);
        }

        if (_places.CountOf(request.Holder.Client) >= _limits.PerClient)
        {
            return Answer(LockOutcome.TooMany);
        }

        if (isFree)
        {
            GiveUnsynchronized(held, request.Holder, request.Ticket, request.Lease, told);
            return Answer(LockOutcome.Granted);
        }

        if (held.Line.Count >= _limits.Waiters)
        {
            return Answer(LockOutcome.LineFull, held.Line.Count);
        }

        held.Line.AddLast(new Waiter(request.Holder, request.Ticket, request.Lease, _clock.Now + request.Wait));
        _places.Add(request.Holder, held);
        ContendUnsynchronized(held, told);
        return Answer(LockOutcome.Queued, held.Line.Count);

        LockAnswer Answer(LockOutcome outcome, int position = 0) => new(outcome, held.View(_clock.Now), position);
    }

    private static int PlaceOf(MemoryLock held, LockRequest request)
    {
        var place = 0;
        foreach (var waiter in held.Line)
        {
            place++;
            if (waiter.Holder == request.Holder && waiter.Ticket == request.Ticket)
            {
                return place;
            }
        }

        return 0;
    }

    private void GiveUnsynchronized(MemoryLock held, LockHolder holder, string ticket, TimeSpan lease, List<LockChange> told, bool waited = false)
    {
        held.Held = new Grant(holder, ticket, _tokens.Next(), lease) { Ends = _clock.Now + lease };
        if (!waited)
        {
            // Who waited has its place already.
            _places.Add(holder, held);
        }

        told.Add(held.Change(LockEvent.Granted, held.Held, waited));
        if (held.Line.Count > 0)
        {
            ContendUnsynchronized(held, told);
        }
    }

    /// <summary>Tells the holder that others wait, the first time.</summary>
    private static void ContendUnsynchronized(MemoryLock held, List<LockChange> told)
    {
        if (held.Held is { IsContended: false } grant)
        {
            grant.IsContended = true;
            told.Add(held.Change(LockEvent.Contended, grant));
        }
    }

    /// <summary>What time has brought: a lease that is over, those who have waited long enough, and who is next.</summary>
    private void AdvanceUnsynchronized(MemoryLock held, List<LockChange> told)
    {
        var now = _clock.Now;
        var free = now;
        if (held.Held is { } over && over.Ends <= now)
        {
            free = over.Ends;
            LeaveUnsynchronized(held, over, LockEvent.Expired, told);
        }

        while (held.Held is null && held.Line.First is { Value: var next })
        {
            held.Line.RemoveFirst();
            if (next.Until >= free)
            {
                GiveUnsynchronized(held, next.Holder, next.Ticket, next.Lease, told, waited: true);
            }
            else
            {
                GiveUpUnsynchronized(held, next, told);
            }
        }

        for (var node = held.Line.First; node is not null;)
        {
            var (waiting, after) = (node, node.Next);
            if (waiting.Value.Until <= now)
            {
                held.Line.Remove(waiting);
                GiveUpUnsynchronized(held, waiting.Value, told);
            }

            node = after;
        }
    }

    private void GiveUpUnsynchronized(MemoryLock held, Waiter waiter, List<LockChange> told)
    {
        _places.Remove(waiter.Holder, held);
        told.Add(held.GaveUp(waiter));
    }

    private void LeaveUnsynchronized(MemoryLock held, Grant grant, LockEvent what, List<LockChange> told)
    {
        held.Held = null;
        _places.Remove(grant.Holder, held);
        told.Add(held.Change(what, grant));
    }
}
