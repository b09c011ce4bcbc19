using System.Text.Json;
using Duplexity.Server.Diagnostics;
using static Duplexity.Server.Engine.MemoryLock;

namespace Duplexity.Server.Engine;

/// <content>How what was decided is written and told, one change of a lock after the other, and how time comes in.</content>
internal sealed partial class MemoryLocks
{
    /// <summary>Takes a lock from its holder; false where <paramref name="find"/> finds none.</summary>
    private async ValueTask<bool> VacateAsync(Func<MemoryLock?> find, LockEvent what)
    {
        Change change;
        lock (_lock)
        {
            Started();
            if (find() is not { } held)
            {
                return false;
            }

            change = VacateUnsynchronized(held, what);
        }

        await RunAsync(change);
        return true;
    }

    private Change VacateUnsynchronized(MemoryLock held, LockEvent what)
    {
        List<LockChange> told = [];
        LeaveUnsynchronized(held, held.Held!, what, told);
        AdvanceUnsynchronized(held, told);
        return NewUnsynchronized(held, told, isWritten: true);
    }

    private Change NewUnsynchronized(MemoryLock held, List<LockChange> told, bool isWritten)
    {
        ArmUnsynchronized(held);
        var change = new Change(held, held.Changes, isWritten, held.Held, told);
        held.Changes = change.Done.Task;
        return change;
    }

    /// <summary>Writes a change when those before it are written, then tells it. Never throws: what failed is in <see cref="Change.Failure"/>.</summary>
    private async Task RunAsync(Change change)
    {
        await change.Before;
        try
        {
            if (change.IsWritten)
            {
                await WriteAsync(change.Lock.Name, change.Grant);
            }
        }
        catch (Exception e)
        {
            change.Failure = e;
            Log.LockNotWritten(_logger, e);
        }

        foreach (var told in change.Told)
        {
            if (change.Failure is null || told.Event is not (LockEvent.Granted or LockEvent.Contended))
            {
                Tell(told);
            }
        }

        Change? next = null;
        lock (_lock)
        {
            change.Done.SetResult();
            if (change.Failure is not null && change.Grant is { } lost && change.Lock.Held == lost)
            {
                // Nobody was told of this grant, and nobody counts on it.
                next = TakeBackUnsynchronized(change.Lock, lost, change.Told.Exists(t => t is { Event: LockEvent.Granted, Waited: true } && t.Token == lost.Token));
            }
            else if (change.Lock.IsIdle && change.Lock.Changes == change.Done.Task)
            {
                _locks.Remove(change.Lock.Name);
            }
        }

        if (next is not null)
        {
            await RunAsync(next);
        }
    }

    private void Tell(LockChange told)
    {
        try
        {
            _handler!.OnLockChanged(told);
        }
        catch (Exception e)
        {
            // The next change of this lock waits for this one.
            Log.LockHandlerFailed(_logger, e);
        }
    }

    private Change TakeBackUnsynchronized(MemoryLock held, Grant lost, bool waited)
    {
        held.Held = null;
        _places.Remove(lost.Holder, held);
        List<LockChange> told = waited ? [held.GaveUp(new Waiter(lost.Holder, lost.Ticket, lost.Lease, default))] : [];
        AdvanceUnsynchronized(held, told);
        return NewUnsynchronized(held, told, isWritten: true);
    }

    private async ValueTask WriteAsync(LockName name, Grant? grant)
    {
        if (grant is null)
        {
            await _records.TakeAsync(Kind, name.ToString());
            return;
        }

        await _tokens.CoverAsync(grant.Token);
        var kept = new Kept(grant.Holder.Client, grant.Holder.SocketId, grant.Ticket, grant.Token, (long)grant.Lease.TotalMilliseconds);
        await _records.PutAsync(Kind, name.ToString(), JsonSerializer.Serialize(kept));
    }

    private static Grant Read(string text)
    {
        var kept = JsonSerializer.Deserialize<Kept>(text)!;
        return new Grant(new(kept.Client, kept.SocketId), kept.Ticket, kept.Token, TimeSpan.FromMilliseconds(kept.LeaseMs));
    }

    private void ArmUnsynchronized(MemoryLock held)
    {
        if (held.Due is not { } due || held.Alarm <= due)
        {
            return;
        }

        held.Alarm = due;
        _alarms.Enqueue(held, due);
        if (_alarms.Count > SpareAlarms + (2 * _locks.Count))
        {
            SetAlarmsAnewUnsynchronized();
        }

        RingUnsynchronized();
    }

    /// <summary>Lets go of alarms of locks that are free since, or that have an earlier one: a lock that is taken and given back at once leaves one for its whole lease (G24).</summary>
    private void SetAlarmsAnewUnsynchronized()
    {
        _alarms.Clear();
        foreach (var held in _locks.Values)
        {
            held.Alarm = held.Due;
            if (held.Alarm is { } due)
            {
                _alarms.Enqueue(held, due);
            }
        }
    }

    private void RingUnsynchronized()
    {
        if (_alarms.TryPeek(out _, out var next))
        {
            // A millisecond more, for a timer counts whole ones and would come too early.
            var left = next - _clock.Now;
            _alarm.Change(left > TimeSpan.Zero ? left + TimeSpan.FromMilliseconds(1) : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    private void OnAlarm()
    {
        List<Change> changes = [];
        lock (_lock)
        {
            while (_alarms.TryPeek(out var held, out var at) && at <= _clock.Now)
            {
                _alarms.Dequeue();
                held.Alarm = held.Alarm == at ? null : held.Alarm;
                List<LockChange> told = [];
                var was = held.Held;
                AdvanceUnsynchronized(held, told);
                if (told.Count > 0)
                {
                    changes.Add(NewUnsynchronized(held, told, held.Held != was));
                }
                else
                {
                    ArmUnsynchronized(held);
                }
            }

            RingUnsynchronized();
        }

        foreach (var change in changes)
        {
            _ = RunAsync(change);
        }
    }

    /// <summary>One change of one lock on its way.</summary>
    private sealed class Change(MemoryLock held, Task before, bool isWritten, Grant? grant, List<LockChange> told)
    {
        public MemoryLock Lock { get; } = held;

        public Task Before { get; } = before;

        /// <summary>Whether the holder changed, so that the record must.</summary>
        public bool IsWritten { get; } = isWritten;

        /// <summary>Who holds it after this change.</summary>
        public Grant? Grant { get; } = grant;

        public List<LockChange> Told { get; } = told;

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Exception? Failure { get; set; }
    }

    private sealed record Kept(string Client, string SocketId, string Ticket, long Token, long LeaseMs);
}
