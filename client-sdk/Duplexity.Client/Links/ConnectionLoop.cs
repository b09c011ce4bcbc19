using Duplexity.Diagnostics;
using Duplexity.Protocol;
using Microsoft.Extensions.Logging;

namespace Duplexity.Links;

/// <summary>
/// The one state machine of a connection: connect → run until something is lost or newly wanted → back off → restore, for ever, until the server says to stay
/// away or the connection is disposed. What it opens, and in which order, is <see cref="Restorer"/>'s business.
/// </summary>
internal sealed class ConnectionLoop(Restorer restorer, Uri server, DuplexityConnectionOptions options, ILogger logger)
{
    // A connection that lives this long was a good one: the next loss begins with short pauses again.
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(5);

    private readonly Backoff _backoff = new(TimeSpan.FromMilliseconds(500), options.MaxReconnectDelay);
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<CloseReason> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private TaskCompletionSource _nudge = NewNudge();
    private Task _running = Task.CompletedTask;
    private bool _isStarted;
    private ConnectionState _state;

    public event Action<ConnectionStateChange>? StateChanged;

    /// <summary>Raised once, before <see cref="Closed"/> completes; null when this program closed.</summary>
    public event Action<DuplexityException?>? Closing;

    public ConnectionState State
    {
        get
        {
            lock (_gate)
            {
                return _state;
            }
        }
    }

    public Task<CloseReason> Closed => _closed.Task;

    /// <summary>Whether the first attempt has succeeded.</summary>
    public bool WasReady { get; private set; }

    /// <summary>Something is wanted that is not there: have a look.</summary>
    public void Nudge()
    {
        lock (_gate)
        {
            _nudge.TrySetResult();
        }
    }

    public async Task StartAsync(CancellationToken ct)
    {
        lock (_gate)
        {
            if (_isStarted || _state == ConnectionState.Closed)
            {
                throw new InvalidOperationException("The connection was opened already; it restores itself, and a closed one is replaced by a new one.");
            }

            _isStarted = true;
        }

        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, _stop.Token);
            await restorer.RestoreAsync(either.Token).ConfigureAwait(false);
            either.Token.ThrowIfCancellationRequested();
        }
        catch (Exception e)
        {
            restorer.Drop();
            lock (_gate)
            {
                _isStarted = false;
            }

            ct.ThrowIfCancellationRequested();
            throw Faults.OfConnect(e, server);
        }

        Log.Connected(logger, server, VisibleText.Of(restorer.Client), VisibleText.Of(restorer.SocketId));
        WasReady = true;
        Move(ConnectionState.Ready);
        _running = Task.Run(RunAsync, CancellationToken.None);
    }

    /// <summary>Ends the connection by this program's wish.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        await restorer.LeaveAsync().ConfigureAwait(false);
        await restorer.FinishAsync().ConfigureAwait(false);
        Close(CloseReason.Disposed);
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                var since = options.TimeProvider.GetTimestamp();
                if (await WaitAsync().ConfigureAwait(false) is { } end)
                {
                    if (end.IsFinal)
                    {
                        Close(new CloseReason(end.Error.Code, end.Error.Name, end.Error.Sentence));
                        return;
                    }

                    if (options.TimeProvider.GetElapsedTime(since) > Settled)
                    {
                        _backoff.Reset();
                    }

                    await PauseAsync(end.Error).ConfigureAwait(false);
                }

                while (await TryRestoreAsync().ConfigureAwait(false) is { } failure)
                {
                    if (IsFinal(failure))
                    {
                        Close(new CloseReason(failure.Code, failure.Name, failure.Error.Sentence));
                        return;
                    }

                    await PauseAsync(failure.Error).ConfigureAwait(false);
                }

                if (State != ConnectionState.Ready)
                {
                    Log.Connected(logger, server, VisibleText.Of(restorer.Client), VisibleText.Of(restorer.SocketId));
                    Move(ConnectionState.Ready);
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disposed.
        }
    }

    /// <summary>Whether a server has said to stay away, or the source of tokens that the sign-in is over. What else is refused may be let in later.</summary>
    private static bool IsFinal(DuplexityException failure) => (failure.Kind == ErrorKind.Closed && Retry.Of(failure.Code) == Retry.Never) || failure.Code == Errors.TokenRefused.Code;

    private async Task<DuplexityException?> TryRestoreAsync()
    {
        try
        {
            await restorer.RestoreAsync(_stop.Token).ConfigureAwait(false);
            return null;
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            return Faults.OfConnect(e, server);
        }
    }

    // The end of a link, or null when something is newly wanted.
    private async Task<LinkEnd?> WaitAsync()
    {
        Task nudged;
        lock (_gate)
        {
            nudged = _nudge.Task;
        }

        var lost = restorer.Lost;
        await Task.WhenAny(nudged, lost).WaitAsync(_stop.Token).ConfigureAwait(false);
        if (lost.IsCompleted)
        {
            return await (await lost.ConfigureAwait(false)).ConfigureAwait(false);
        }

        lock (_gate)
        {
            _nudge = NewNudge();
        }

        return null;
    }

    private async Task PauseAsync(DuplexityError cause)
    {
        var pause = TimeSpan.FromMilliseconds(Math.Max(_backoff.Next().TotalMilliseconds, cause.RetryAfterMs ?? 0));
        restorer.Failed(cause);
        Log.Reconnecting(logger, pause, cause.Code, VisibleText.Of(cause.Sentence, VisibleText.LogLength));
        if (!restorer.IsOpen)
        {
            Move(ConnectionState.Reconnecting, cause, pause);
        }

        await Task.Delay(pause, options.TimeProvider, _stop.Token).ConfigureAwait(false);
    }

    private void Close(CloseReason reason)
    {
        lock (_gate)
        {
            if (_state == ConnectionState.Closed)
            {
                return;
            }
        }

        Log.Closed(logger, reason.Code, VisibleText.Of(reason.Sentence, VisibleText.LogLength));
        restorer.Drop();
        Closing?.Invoke(reason.IsDisposed ? null : reason.ToException());
        Move(ConnectionState.Closed, DuplexityError.Of((reason.Code, reason.Name), reason.Sentence));
        _closed.TrySetResult(reason);
    }

    private void Move(ConnectionState state, DuplexityError? cause = null, TimeSpan? retryIn = null)
    {
        ConnectionState previous;
        lock (_gate)
        {
            previous = _state;
            _state = state;
        }

        if (previous == state && retryIn is null)
        {
            return;
        }

        try
        {
            StateChanged?.Invoke(new ConnectionStateChange(previous, state, cause, retryIn));
        }
        catch (Exception e)
        {
            Log.HandlerThrew(logger, nameof(StateChanged), e);
        }
    }

    private static TaskCompletionSource NewNudge() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
