using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity.Locking;

/// <summary>
/// Keeps one lock: renews it at a third of its lease, takes it over to a new link, and knows by its own clock when it can no longer be sure. Thread-safe.
/// </summary>
internal sealed class LockKeeper
{
    private readonly Lock _gate = new();
    private readonly LockDesk _desk;
    private readonly AcquireLockRequest _request;
    private readonly TimeSpan _lease;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _over = new();
    private readonly ITimer _end;
    private TaskCompletionSource _nudge = NewNudge();
    private Task _keeping = Task.CompletedTask;
    private DataLink _link;
    private long _token;
    private long _before;
    private bool _isOver;

    public LockKeeper(LockDesk desk, AcquireLockRequest request, DataLink link, long token, TimeSpan lease, long before)
    {
        (_desk, _request, _link, _token, _lease, _before) = (desk, request, link, token, lease, before);
        Lost = _lost.Token;
        _end = desk.Time.CreateTimer(_ => OnEnd(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public string Name => $"{_request.Lockspace}/{_request.Name}";

    public CancellationToken Lost { get; }

    public long Token
    {
        get
        {
            lock (_gate)
            {
                return _token;
            }
        }
    }

    public void Begin()
    {
        _end.Change(Sure(_before), Timeout.InfiniteTimeSpan);
        _keeping = Task.Run(KeepAsync);
    }

    /// <summary>There is a new link: look at once.</summary>
    public void Nudge()
    {
        lock (_gate)
        {
            _nudge.TrySetResult();
        }
    }

    /// <summary>The server tells of a lock that was lost; perhaps it is this one.</summary>
    public void Lose(LockChangedEvent changed)
    {
        if (changed.Lockspace == _request.Lockspace && changed.Name == _request.Name && changed.Token == Token)
        {
            Lose();
        }
    }

    /// <summary>It is lost.</summary>
    public void Lose()
    {
        if (End())
        {
            // On other threads: what the application does about it must not hold up the connection that told us.
            _ = _lost.CancelAsync();
        }
    }

    /// <summary>Gives it back.</summary>
    public async Task ReleaseAsync()
    {
        if (!End())
        {
            return;
        }

        // A renewal that is under way may bring a new token; what is given back is the last one.
        await _keeping.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            await _desk.Data.AskAsync(GiveBackAsync, CancellationToken.None).WaitAsync(_lease, _desk.Time).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Where the server cannot be told, the lease ends it.
        }
    }

    private async Task<Done> GiveBackAsync(DataLink link)
    {
        if (link != _link)
        {
            // The lock is still the lost socket's: only its holder gives it back, and that is this one once it has taken it over.
            var before = _desk.Time.GetTimestamp();
            var taken = await link.Hub.AcquireLock(TakeOver(link)).ConfigureAwait(false);
            if (taken.State != LockState.Granted)
            {
                return new Done { Error = taken.Error };
            }

            Renewed(link, taken, before);
        }

        return await link.Hub.ReleaseLock(new ReleaseLockRequest { As = _request.As ?? link.Client, Lockspace = _request.Lockspace, Name = _request.Name, Token = Token }).ConfigureAwait(false);
    }

    private async Task KeepAsync()
    {
        while (!_isOver)
        {
            await NextAsync().ConfigureAwait(false);
            long before = 0;
            try
            {
                var (link, answer) = await _desk.Data.AskAsync<Answer>(
                    async link =>
                    {
                        before = _desk.Time.GetTimestamp();
                        return link == _link ? await link.Hub.RenewLock(Renewal()).ConfigureAwait(false) : await link.Hub.AcquireLock(TakeOver(link)).ConfigureAwait(false);
                    },
                    _over.Token).ConfigureAwait(false);
                Renewed(link, answer, before);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (DuplexityException e) when (e.Kind is not (ErrorKind.Unavailable or ErrorKind.Limit))
            {
                Lose();
                return;
            }
            catch (DuplexityException)
            {
                // Not now: until the lease is over it is tried again.
            }
        }
    }

    private void Renewed(DataLink link, Answer answer, long before)
    {
        lock (_gate)
        {
            _link = link;
            _before = before;
            _token = (answer as AcquireLockResponse)?.Token ?? _token;
            if (!_isOver)
            {
                _end.Change(Sure(before), Timeout.InfiniteTimeSpan);
            }
        }
    }

    private async Task NextAsync()
    {
        Task nudged;
        lock (_gate)
        {
            nudged = _nudge.Task;
        }

        // A pause also where the last attempt came late or failed: a lock is no reason to flood a server.
        var due = (_lease / 3) - _desk.Time.GetElapsedTime(_before);
        var least = _lease / 20;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_over.Token);
        await Task.WhenAny(nudged, Task.Delay(due > least ? due : least, _desk.Time, stop.Token)).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        lock (_gate)
        {
            _nudge = _nudge.Task.IsCompleted ? NewNudge() : _nudge;
        }
    }

    private RenewLockRequest Renewal() => new() { As = _request.As ?? _link.Client, Lockspace = _request.Lockspace, Name = _request.Name, Token = Token };

    private AcquireLockRequest TakeOver(DataLink link) => _request with { As = _request.As ?? link.Client, Token = Token };

    /// <summary>How long the lock is surely held, counted from before the request, less a tenth of the lease for what clocks differ by.</summary>
    private TimeSpan Sure(long before)
    {
        var left = (_lease * 0.9) - _desk.Time.GetElapsedTime(before);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private void OnEnd()
    {
        bool isDue;
        lock (_gate)
        {
            // A renewal may have come between the timer and here.
            isDue = Sure(_before) == TimeSpan.Zero;
        }

        if (isDue)
        {
            Lose();
        }
        else
        {
            lock (_gate)
            {
                if (!_isOver)
                {
                    _end.Change(Sure(_before), Timeout.InfiniteTimeSpan);
                }
            }
        }
    }

    private bool End()
    {
        lock (_gate)
        {
            if (_isOver)
            {
                return false;
            }

            _isOver = true;
            _end.Dispose();
        }

        _desk.Forget(this);
        _over.Cancel();
        return true;
    }

    private static TaskCompletionSource NewNudge() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
