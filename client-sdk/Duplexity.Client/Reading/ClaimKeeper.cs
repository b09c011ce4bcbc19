using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity.Reading;

/// <summary>
/// Keeps one claim at the socket that it was offered to: renews it at once, so that its lease begins at a known time, then at a third of the lease, and knows by its own clock when it can no longer be sure. Thread-safe.
/// </summary>
internal sealed class ClaimKeeper
{
    /// <summary>The pause after a renewal that the server could not answer now.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly ClaimDesk _desk;
    private readonly DataLink _link;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _over = new();
    private readonly ITimer _end;
    private TimeSpan _lease;
    private long _before;
    private bool _isOver;

    public ClaimKeeper(ClaimDesk desk, DataLink link, Message message)
    {
        (_desk, _link, Message) = (desk, link, message);
        Lost = _lost.Token;
        _end = desk.Time.CreateTimer(_ => OnEnd(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public Message Message { get; }

    public CancellationToken Lost { get; }

    /// <summary>Renews it until it is over; hands it out once it is sure.</summary>
    public async Task KeepAsync()
    {
        while (!_over.IsCancellationRequested)
        {
            var pause = Pause;
            try
            {
                var before = _desk.Time.GetTimestamp();
                var answer = await _link.Hub.RenewClaim(new RenewClaimRequest
                {
                    As = _desk.As ?? _link.Client,
                    Channel = Message.Channel.ToString(),
                    Reader = _desk.Reader,
                    Position = Message.Position,
                    Attempt = Message.Attempt,
                }).WaitAsync(_desk.Patience, _desk.Time, _over.Token).ConfigureAwait(false);
                if (answer.Error is null)
                {
                    pause = Renewed(before, TimeSpan.FromMilliseconds(answer.LeaseMs!.Value)) / 3;
                }
                else if (answer.Error.KindOfCode() is not (ErrorKind.Unavailable or ErrorKind.Limit))
                {
                    Lose();
                    return;
                }
            }
            catch (OperationCanceledException) when (_over.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (Faults.IsLoss(e))
            {
                Lose();
                return;
            }
            catch (Exception)
            {
                // Not now: until the lease is over it is tried again.
            }

            using var stop = CancellationTokenSource.CreateLinkedTokenSource(_over.Token);
            var ended = await Task.WhenAny(_link.Ended, Task.Delay(pause, _desk.Time, stop.Token)).ConfigureAwait(false) == _link.Ended;
            await stop.CancelAsync().ConfigureAwait(false);
            if (ended)
            {
                // Only the socket that it was offered to can acknowledge it.
                Lose();
                return;
            }
        }
    }

    public async Task AcknowledgeAsync(CancellationToken ct)
    {
        if (Lost.IsCancellationRequested)
        {
            throw new DuplexityException(DuplexityError.Of(Errors.StaleAttempt, "The claim was lost before; the message is offered again."));
        }

        try
        {
            (await _link.Hub.Acknowledge(new AcknowledgeRequest
            {
                As = _desk.As ?? _link.Client,
                Channel = Message.Channel.ToString(),
                Reader = _desk.Reader,
                Position = Message.Position,
                Attempt = Message.Attempt,
            }).WaitAsync(_desk.Patience, _desk.Time, ct).ConfigureAwait(false)).OrThrow();
        }
        catch (DuplexityException e) when (e.Kind == ErrorKind.Request)
        {
            Lose();
            throw;
        }
        catch (Exception e) when (e is not DuplexityException && !ct.IsCancellationRequested)
        {
            throw new DuplexityException(DuplexityError.Of(Errors.OutcomeUnknown, "The acknowledgement was not answered; if it does not count, the message is offered again."), e);
        }

        End();
    }

    /// <summary>Gives it back, to be offered again after that time or after the pause of its attempt. Never throws.</summary>
    public async Task ReturnAsync(TimeSpan? after, bool isLost = false)
    {
        if (!End())
        {
            return;
        }

        if (isLost)
        {
            _ = _lost.CancelAsync();
        }

        try
        {
            await _link.Hub.ReturnClaim(new ReturnClaimRequest
            {
                As = _desk.As ?? _link.Client,
                Channel = Message.Channel.ToString(),
                Reader = _desk.Reader,
                Position = Message.Position,
                Attempt = Message.Attempt,
                AfterMs = (long?)after?.TotalMilliseconds,
            }).WaitAsync(_desk.Patience, _desk.Time).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Where the server cannot be told, the lease ends it.
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

    private TimeSpan Renewed(long before, TimeSpan lease)
    {
        bool isFirst;
        lock (_gate)
        {
            isFirst = _lease == TimeSpan.Zero;
            (_before, _lease) = (before, lease);
            if (_isOver)
            {
                return lease;
            }

            _end.Change(Sure(), Timeout.InfiniteTimeSpan);
        }

        if (isFirst)
        {
            _desk.HandOut(this);
        }

        return lease;
    }

    /// <summary>How long it is surely held, counted from before the renewal, less a tenth of the lease for what clocks differ by.</summary>
    private TimeSpan Sure()
    {
        var left = (_lease * 0.9) - _desk.Time.GetElapsedTime(_before);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private void OnEnd()
    {
        lock (_gate)
        {
            // A renewal may have come between the timer and here.
            var left = Sure();
            if (left > TimeSpan.Zero)
            {
                if (!_isOver)
                {
                    _end.Change(left, Timeout.InfiniteTimeSpan);
                }

                return;
            }
        }

        Lose();
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
}
