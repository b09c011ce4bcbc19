using System.Collections.Concurrent;
using System.Security.Cryptography;
using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity.Locking;

/// <summary>The locks of a connection: those that are held, and the requests that wait. Thread-safe.</summary>
internal sealed class LockDesk(Calls<DataLink> data, DuplexityConnectionOptions options)
{
    /// <summary>The longest that one request waits at the server; who waits longer asks again.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<string, Waiting> _waiting = new();
    private readonly ConcurrentDictionary<LockKeeper, byte> _held = new();

    public TimeProvider Time => options.TimeProvider;

    public Calls<DataLink> Data => data;

    /// <summary>The lock; or, where it did not come in time, what is known of who has it.</summary>
    public async Task<(HeldLock? Held, AcquireLockResponse? Taken)> AcquireAsync(AcquireLockRequest request, TimeSpan? wait, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(wait ?? TimeSpan.Zero, TimeSpan.Zero, nameof(wait));
        var started = Time.GetTimestamp();
        while (true)
        {
            var left = wait is { } most ? most - Time.GetElapsedTime(started) : LongestWait;
            left = left < TimeSpan.Zero ? TimeSpan.Zero : left < LongestWait ? left : LongestWait;
            var (held, answer) = await AskAsync(request with { WaitMs = (long)left.TotalMilliseconds, Ticket = NewTicket() }, left, ct).ConfigureAwait(false);
            if (held is not null)
            {
                return (held, null);
            }

            if (wait is not null && Time.GetElapsedTime(started) >= wait)
            {
                return (null, answer);
            }
        }
    }

    /// <summary>What the server tells of a lock.</summary>
    public void Apply(DataLink link, LockChangedEvent changed)
    {
        if (changed.Ticket is { } ticket && _waiting.TryGetValue(ticket, out var waiting))
        {
            waiting.Ended.TrySetResult(changed);
        }
        else if (changed.State == LockState.Granted)
        {
            // Whoever asked has given up meanwhile.
            _ = GiveBackAsync(changed, link);
        }

        if (changed.State is LockState.Expired or LockState.Broken or LockState.TakenOver)
        {
            foreach (var keeper in _held.Keys)
            {
                keeper.Lose(changed);
            }
        }
    }

    /// <summary>A new link is open: what is held goes on there, and what waited at the old one asks again.</summary>
    public void Resume(DataLink link)
    {
        foreach (var waiting in _waiting.Values)
        {
            if (waiting.Link is { } at && at != link)
            {
                waiting.Ended.TrySetResult(null);
            }
        }

        foreach (var keeper in _held.Keys)
        {
            keeper.Nudge();
        }
    }

    /// <summary>Gives back everything that is held, as far as the server can be told.</summary>
    public Task ReleaseAllAsync() => Task.WhenAll(_held.Keys.Select(k => k.ReleaseAsync()));

    /// <summary>The connection is over for good.</summary>
    public void End()
    {
        foreach (var keeper in _held.Keys)
        {
            keeper.Lose();
        }
    }

    public void Forget(LockKeeper keeper) => _held.TryRemove(keeper, out _);

    private async Task<(HeldLock? Held, AcquireLockResponse Answer)> AskAsync(AcquireLockRequest request, TimeSpan wait, CancellationToken ct)
    {
        var waiting = _waiting[request.Ticket!] = new Waiting();
        var (before, attempts) = (0L, 0);
        var asking = data.AskAsync(
            async link =>
            {
                (before, attempts) = (Time.GetTimestamp(), attempts + 1);
                var ask = request with { As = request.As ?? link.Client };
                var answer = await link.Hub.AcquireLock(ask).ConfigureAwait(false);

                // Granted by the first attempt, whose answer was lost with its link, it is held by our own last socket: under this ticket, and a token that we do not know.
                return attempts > 1 && answer is { State: LockState.Queued or LockState.Taken, Token: not null }
                    && await link.Hub.AcquireLock(ask with { Token = 0 }).ConfigureAwait(false) is { State: LockState.Granted } ours ? ours : answer;
            },
            CancellationToken.None);
        try
        {
            var (link, answer) = await asking.WaitAsync(ct).ConfigureAwait(false);
            switch (answer.State)
            {
                case LockState.Granted:
                    return (Keep(request, link, answer.Token!.Value, before, answer.LeaseMs!.Value), answer);
                case LockState.Queued when await WaitAsync(waiting, link, wait, ct).ConfigureAwait(false) is { State: LockState.Granted } granted:
                    return (await TakeAsync(request, link, granted.Token!.Value).ConfigureAwait(false), answer);
                default:
                    return (null, answer);
            }
        }
        finally
        {
            _waiting.TryRemove(request.Ticket!, out _);
            if (!waiting.Ended.Task.IsCompleted)
            {
                // Given up on this side: by the time, by the caller, or because the call failed. What may still come of it is given back.
                _ = WithdrawAsync(request, asking);
            }
        }
    }

    /// <summary>The event that ends the waiting; null where the link is lost or it takes too long.</summary>
    private async Task<LockChangedEvent?> WaitAsync(Waiting waiting, DataLink link, TimeSpan wait, CancellationToken ct)
    {
        waiting.Link = link;
        try
        {
            return await waiting.Ended.Task.WaitAsync(wait + options.SendTimeout, Time, ct).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    /// <summary>When a grant was made that comes as an event is not known here; a lease that is renewed at once begins at a known time.</summary>
    private async Task<HeldLock?> TakeAsync(AcquireLockRequest request, DataLink link, long token)
    {
        var before = Time.GetTimestamp();
        try
        {
            var renewed = await link.Hub.RenewLock(new RenewLockRequest { As = request.As ?? link.Client, Lockspace = request.Lockspace, Name = request.Name, Token = token })
                .WaitAsync(options.SendTimeout, Time).ConfigureAwait(false);
            return renewed.Error is null ? Keep(request, link, token, before, renewed.LeaseMs!.Value) : null;
        }
        catch (Exception e) when (Faults.IsLoss(e) || e is TimeoutException)
        {
            // Lost between the grant and here: asked for again, and until its lease ends nobody has it.
            return null;
        }
    }

    private HeldLock Keep(AcquireLockRequest request, DataLink link, long token, long before, long leaseMs)
    {
        _waiting.GetValueOrDefault(request.Ticket!)?.Ended.TrySetResult(null);
        var keeper = new LockKeeper(this, request with { Token = null, WaitMs = null }, link, token, TimeSpan.FromMilliseconds(leaseMs), before);
        _held[keeper] = 0;
        keeper.Begin();
        return new HeldLock(keeper);
    }

    private async Task WithdrawAsync(AcquireLockRequest request, Task<(DataLink Link, AcquireLockResponse Answer)> asking)
    {
        try
        {
            var (link, answer) = await asking.ConfigureAwait(false);
            if (answer.State == LockState.Taken)
            {
                return;
            }

            var release = new ReleaseLockRequest { As = request.As ?? link.Client, Lockspace = request.Lockspace, Name = request.Name };
            await link.Hub.ReleaseLock(answer.State == LockState.Granted ? release with { Token = answer.Token } : release with { Ticket = request.Ticket }).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // A courtesy: where it fails, the lost socket or the lease ends it.
        }
    }

    private static async Task GiveBackAsync(LockChangedEvent granted, DataLink link)
    {
        try
        {
            await link.Hub.ReleaseLock(new ReleaseLockRequest { As = granted.Holder.Client, Lockspace = granted.Lockspace, Name = granted.Name, Token = granted.Token }).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // As above.
        }
    }

    /// <summary>A request that has no lock yet.</summary>
    private sealed class Waiting
    {
        public TaskCompletionSource<LockChangedEvent?> Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Where it stands in line; null: not yet.</summary>
        public volatile DataLink? Link;
    }

    private static string NewTicket() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
}
