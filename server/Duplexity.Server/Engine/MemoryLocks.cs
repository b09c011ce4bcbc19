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

    /// <summary>Alarms beyond two for each lock, before they are set anew.</summary>
    private const int SpareAlarms = 1_000;

    private readonly Lock _lock = new();
    private readonly IRecords _records;
    private readonly MonotonicClock _clock;
    private readonly LockTokens _tokens;
    private readonly LockOptions _limits;
    private readonly ILogger _logger;
    private readonly Dictionary<LockName, MemoryLock> _locks = [];
    private readonly MemoryLockPlaces _places = new();
    private readonly PriorityQueue<MemoryLock, TimeSpan> _alarms = new();
    private readonly ITimer _alarm;
    private ILockHandler? _handler;

    public MemoryLocks(IRecords records, MonotonicClock clock, TimeProvider time, DuplexityOptions options, ILogger logger)
    {
        (_records, _clock, _limits, _logger) = (records, clock, options.Locks, logger);
        _tokens = new LockTokens(records, time);
        _alarm = time.CreateTimer(_ => OnAlarm(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Locks that are held, or waited for.</summary>
    internal int Count
    {
        get
        {
            lock (_lock)
            {
                return _locks.Count;
            }
        }
    }

    /// <summary>How many times are waited for.</summary>
    internal int Alarms
    {
        get
        {
            lock (_lock)
            {
                return _alarms.Count;
            }
        }
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
