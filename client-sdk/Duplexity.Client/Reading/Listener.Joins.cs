using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity.Reading;

/// <content>How a place is joined, and joined again.</content>
internal sealed partial class Listener
{
    /// <summary>The server has begun it on a link, behind the place of its options: there is nothing to join there.</summary>
    public void Place(DataLink link)
    {
        lock (_gate)
        {
            if (_isOver || _link is not null)
            {
                return;
            }

            _link = link;
            _wasJoined = true;
        }

        _joined.TrySetResult();
    }

    /// <summary>A message was offered to this socket alone; it has no place in what is read.</summary>
    public event Action<DataLink, Message>? Claimed;

    /// <summary>A message of the inbox that this socket has in hand was settled without it.</summary>
    public event Action<WithdrawnEvent>? Withdrawn;

    public void Withdraw(WithdrawnEvent withdrawn) => Withdrawn?.Invoke(withdrawn);

    private void BeginJoinUnsynchronized()
    {
        if (_isJoining)
        {
            _joinAgain = true;
        }
        else if (_link is { } link)
        {
            _isJoining = true;
            _context.JoiningAgain(Address);
            _context.Begin(() => JoinAsync(link, new TaskCompletionSource()));
        }
    }

    // Runs alone for a link: _isJoining is its lock. Ends when the channel is joined, the link or the subscription is over, or another link took over.
    private async Task JoinAsync(DataLink link, TaskCompletionSource answered)
    {
        try
        {
            await JoinUntilSettledAsync(link, answered).ConfigureAwait(false);
        }
        finally
        {
            answered.TrySetResult();
        }
    }

    private async Task JoinUntilSettledAsync(DataLink link, TaskCompletionSource answered)
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(5));
        while (true)
        {
            JoinRequest request;
            lock (_gate)
            {
                if (_link != link || _isOver)
                {
                    return;
                }

                _joinAgain = false;
                request = new JoinRequest
                {
                    As = _options.As ?? link.Client,
                    Channel = Address.ToString(),
                    Since = Ack == AckMode.Claim ? null : _last,
                    Last = !_wasJoined && _options.Last > 0 ? _options.Last : null,
                    Reader = Ack is null or AckMode.None ? null : _options.Reader,
                    Ack = Ack switch { AckMode.Auto => AckWord.Handled, AckMode.Manual => AckWord.Manual, AckMode.Claim => AckWord.Claim, AckMode.None => AckWord.None, _ => null },
                    Hands = Ack == AckMode.Claim ? _options.Hands : null,
                    Presence = WantsPresenceUnsynchronized ? true : null,
                };
            }

            DuplexityError failure;
            try
            {
                var answer = await link.Hub.Join(request).WaitAsync(_context.Options.SendTimeout, _context.Options.TimeProvider).ConfigureAwait(false);
                if (answer.Error is null)
                {
                    if (Settle(link, answer, request))
                    {
                        return;
                    }

                    continue;
                }

                failure = answer.Error;
            }
            catch (Exception e) when (Faults.IsLoss(e))
            {
                // The connection's loop attaches the next link.
                link.Abandon(e);
                return;
            }
            catch (Exception e)
            {
                failure = Faults.OfInvocation(e).Error;
            }

            LastFailure = failure;
            answered.TrySetResult();
            if (failure.KindOfCode() is not (ErrorKind.Unavailable or ErrorKind.Limit))
            {
                _context.Refused(this, new DuplexityException(failure));
                return;
            }

            var pause = TimeSpan.FromMilliseconds(Math.Max(backoff.Next().TotalMilliseconds, failure.RetryAfterMs ?? 0));
            var end = await Task.WhenAny(link.Ended, Task.Delay(pause, _context.Options.TimeProvider)).ConfigureAwait(false);
            if (end == link.Ended)
            {
                return;
            }
        }
    }

    /// <summary>Takes a join's answer; false when another join was wanted meanwhile.</summary>
    private bool Settle(DataLink link, JoinResponse answer, JoinRequest request)
    {
        var since = request.Since;
        Gap? gap = null;
        bool isSettled;
        lock (_gate)
        {
            if (_link != link || _isOver)
            {
                return true;
            }

            if (since is null || answer.Recovered == false)
            {
                var place = answer.Position ?? Position.Start;
                gap = answer.Recovered == false ? new Gap(Address, since ?? Position.Start, place) : null;
                _last = place;
            }

            _wasJoined = true;
            Waiting = answer.Waiting ?? 0;
            LastFailure = null;
            PresenceJoinedUnsynchronized(request, answer);
            isSettled = !_joinAgain;
            if (!isSettled)
            {
                _early.Clear();
            }
            else
            {
                _isJoining = false;
                _isSettling = true;
                _isDoubting = false;
                var early = _early.ToArray();
                _early.Clear();
                foreach (var message in early)
                {
                    if (!_isPaused)
                    {
                        SeeUnsynchronized(message);
                    }
                }
            }
        }

        _joined.TrySetResult();
        if (gap is not null)
        {
            _context.Missed(gap);
        }

        return isSettled;
    }
}
