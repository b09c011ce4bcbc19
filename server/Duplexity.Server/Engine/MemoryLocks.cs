using Microsoft.Extensions.Logging;
using static Duplexity.Server.Engine.MemoryLock;

namespace Duplexity.Server.Engine;

/// <summary>
/// Locks of a single node. Who has what is decided in this process's memory; a grant is told once its record is written, and a record stays until the lock is free again. A renewal needs no record: what was held when
/// the process ended is held for one whole lease from the next start, and that is never shorter than what its holder counts on. Thread-safe.
/// </summary>
internal sealed partial class MemoryLocks : ILocks, IDisposable
{
    private const string Kind = "lock";

    private readonly Lock _lock = new();
    private readonly IRecords _records;
    private readonly MonotonicClock _clock;
    private readonly LockTokens _tokens;
    private readonly LimitOptions _limits;
    private readonly ILogger _logger;
    private readonly Dictionary<LockName, MemoryLock> _locks = [];
    private readonly MemoryLockPlaces _places = new();
    private readonly PriorityQueue<MemoryLock, TimeSpan> _alarms = new();
    private readonly ITimer _alarm;
    private ILockHandler? _handler;

    public MemoryLocks(IRecords records, MonotonicClock clock, TimeProvider time, DuplexityOptions options, ILogger logger)
    {
        (_records, _clock, _limits, _logger) = (records, clock, options.Limits, logger);
        _tokens = new LockTokens(records, time);
        _alarm = time.CreateTimer(_ => OnAlarm(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public async ValueTask StartAsync(ILockHandler handler, CancellationToken ct = default)
    {
        await _tokens.StartAsync(ct);
        var kept = await _records.ListAsync(Kind, ct);
        lock (_lock)
        {
            if (_handler is not null)
            {
                throw new InvalidOperationException("The locks were started already; one engine serves one node.");
            }

            _handler = handler;
            foreach (var (name, text) in kept)
            {
                var grant = Read(text);
                grant.Ends = _clock.Now + grant.Lease;
                _tokens.Saw(grant.Token);
                var held = _locks[LockName.Parse(name)] = new MemoryLock(LockName.Parse(name)) { Held = grant };
                _places.Add(grant.Holder, held);
                ArmUnsynchronized(held);
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask<LockAnswer> AcquireAsync(LockRequest request, CancellationToken ct = default)
    {
        ct.ThrowIfCancellationRequested();
        LockAnswer answer;
        Change change;
        lock (_lock)
        {
            Started();
            var held = FindUnsynchronized(request.Name);
            List<LockChange> told = [];
            var was = held.Held;
            AdvanceUnsynchronized(held, told);
            answer = DecideUnsynchronized(held, request, told);
            change = NewUnsynchronized(held, told, held.Held != was);
        }

        await RunAsync(change);
        return change.Failure is { } failure && answer.Outcome == LockOutcome.Granted ? throw failure : answer;
    }

    /// <inheritdoc/>
    public ValueTask<bool> RenewAsync(LockName name, LockHolder holder, long token, CancellationToken ct = default)
    {
        lock (_lock)
        {
            Started();
            if (HeldByUnsynchronized(name, holder, token) is not { Held: { } grant })
            {
                return new(false);
            }

            grant.Ends = _clock.Now + grant.Lease;
            return new(true);
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> ReleaseAsync(LockName name, LockHolder holder, long token, CancellationToken ct = default) =>
        VacateAsync(() => HeldByUnsynchronized(name, holder, token), LockEvent.Released);

    /// <inheritdoc/>
    public ValueTask<bool> BreakAsync(LockName name, CancellationToken ct = default) =>
        VacateAsync(() => _locks.GetValueOrDefault(name) is { Held: { } grant } held && grant.Ends > _clock.Now ? held : null, LockEvent.Broken);

    /// <inheritdoc/>
    public ValueTask<bool> WithdrawAsync(LockName name, LockHolder holder, string ticket, CancellationToken ct = default)
    {
        lock (_lock)
        {
            Started();
            return new(_locks.TryGetValue(name, out var held) && WithdrawUnsynchronized(held, w => w.Holder == holder && w.Ticket == ticket));
        }
    }

    /// <inheritdoc/>
    public async ValueTask DropAsync(string client, string? socketId, CancellationToken ct = default)
    {
        List<Change> changes = [];
        lock (_lock)
        {
            Started();
            foreach (var held in socketId is null ? [.. _locks.Values] : _places.OfSocket(socketId))
            {
                WithdrawUnsynchronized(held, w => w.Holder.Client == client && (socketId is null || w.Holder.SocketId == socketId));
                if (held.Held is { } grant && grant.Holder.Client == client && (socketId is null || grant.Holder.SocketId == socketId))
                {
                    changes.Add(VacateUnsynchronized(held, LockEvent.Released));
                }
            }
        }

        await Task.WhenAll(changes.Select(RunAsync));
    }

    /// <inheritdoc/>
    public ValueTask LoseAsync(string socketId, string? client = null, CancellationToken ct = default)
    {
        lock (_lock)
        {
            Started();
            foreach (var held in _places.OfSocket(socketId))
            {
                WithdrawUnsynchronized(held, w => w.Holder.SocketId == socketId && (client is null || w.Holder.Client == client));
            }
        }

        return default;
    }

    /// <inheritdoc/>
    public LockView? Find(LockName name)
    {
        lock (_lock)
        {
            return _locks.GetValueOrDefault(name)?.View(_clock.Now);
        }
    }

    public void Dispose() => _alarm.Dispose();

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

        if (_places.CountOf(request.Holder.Client) >= _limits.LocksPerClient)
        {
            return Answer(LockOutcome.TooMany);
        }

        if (isFree)
        {
            GiveUnsynchronized(held, request.Holder, request.Ticket, request.Lease, told);
            return Answer(LockOutcome.Granted);
        }

        if (held.Line.Count >= _limits.LockWaiters)
        {
            return Answer(LockOutcome.LineFull, held.Line.Count);
        }

        held.Line.AddLast(new Waiter(request.Holder, request.Ticket, request.Lease, _clock.Now + request.Wait));
        _places.Add(request.Holder, held);
        if (held.Line.Count == 1)
        {
            told.Add(held.Change(LockEvent.Contended, held.Held!));
        }

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
            told.Add(held.Change(LockEvent.Contended, held.Held));
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

    private bool WithdrawUnsynchronized(MemoryLock held, Predicate<Waiter> whose)
    {
        var before = held.Line.Count;
        for (var node = held.Line.First; node is not null;)
        {
            var (waiting, after) = (node, node.Next);
            if (whose(waiting.Value))
            {
                held.Line.Remove(waiting);
                _places.Remove(waiting.Value.Holder, held);
            }

            node = after;
        }

        return held.Line.Count < before;
    }

    private MemoryLock FindUnsynchronized(LockName name) => _locks.TryGetValue(name, out var held) ? held : _locks[name] = new MemoryLock(name);

    private MemoryLock? HeldByUnsynchronized(LockName name, LockHolder holder, long token) =>
        _locks.GetValueOrDefault(name) is { Held: { } grant } held && grant.Holder == holder && grant.Token == token && grant.Ends > _clock.Now ? held : null;

    private ILockHandler Started() => _handler ?? throw new InvalidOperationException("The locks have not been started.");
}
