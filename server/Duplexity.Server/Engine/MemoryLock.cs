namespace Duplexity.Server.Engine;

/// <summary>One lock: who holds it and who waits, in order. Not thread-safe: <see cref="MemoryLocks"/> holds its lock around every call.</summary>
internal sealed class MemoryLock(LockName name)
{
    public LockName Name { get; } = name;

    public Grant? Held { get; set; }

    public LinkedList<Waiter> Line { get; } = new();

    /// <summary>The last of its changes that is being written and told.</summary>
    public Task Changes { get; set; } = Task.CompletedTask;

    /// <summary>The earliest time at which it is looked at; null: no such time is set.</summary>
    public TimeSpan? Alarm { get; set; }

    /// <summary>When something about it ends next.</summary>
    public TimeSpan? Due => Line.Count == 0 ? Held?.Ends : Held is { } held && held.Ends < Line.Min(w => w.Until) ? held.Ends : Line.Min(w => w.Until);

    /// <summary>Whether nobody holds it or waits for it.</summary>
    public bool IsIdle => Held is null && Line.Count == 0;

    public LockView? View(TimeSpan now) => Held is { } held && held.Ends > now ? new(held.Holder, held.Token, held.Lease, held.Ends - now) : null;

    public LockChange Change(LockEvent what, Grant grant, bool waited = false) => new(Name, what, grant.Holder, grant.Ticket, grant.Token, grant.Lease, Line.Count, waited);

    public LockChange GaveUp(Waiter waiter) => new(Name, LockEvent.GaveUp, waiter.Holder, waiter.Ticket, 0, waiter.Lease, Line.Count, Waited: true);

    /// <param name="Holder">Whose it is.</param>
    /// <param name="Ticket">By which request.</param>
    /// <param name="Token">The fencing token.</param>
    /// <param name="Lease">The whole lease.</param>
    internal sealed record Grant(LockHolder Holder, string Ticket, long Token, TimeSpan Lease)
    {
        /// <summary>When the lease ends, by the engine's clock.</summary>
        public TimeSpan Ends { get; set; }

        /// <summary>Whether its holder knows that others want the lock: once is enough, however often they come and go.</summary>
        public bool IsContended { get; set; }
    }

    /// <param name="Holder">Who waits.</param>
    /// <param name="Ticket">By which request.</param>
    /// <param name="Lease">The lease that it wants.</param>
    /// <param name="Until">How long it waits, by the engine's clock.</param>
    internal sealed record Waiter(LockHolder Holder, string Ticket, TimeSpan Lease, TimeSpan Until);
}
