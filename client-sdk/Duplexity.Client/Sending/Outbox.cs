using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity.Sending;

/// <summary>
/// The sends that have no answer yet, in the order of their calls. Each has its session and sequence before its first attempt and keeps them, so that a send
/// that is repeated after a reconnect is stored once (G4); what is repeated goes out before what is newer. Bounded; thread-safe.
/// </summary>
internal sealed partial class Outbox(string session, DuplexityConnectionOptions options)
{
    /// <summary>At most 128 at once on the wire: the server keeps the last 256 receipts of a session, so every one of them can be repeated.</summary>
    public const int Window = 128;

    /// <summary>At most 4,096 that wait; further ones are refused at once.</summary>
    public const int Capacity = 4096;

    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _sequences = [];
    private readonly LinkedList<PendingSend> _waiting = new();
    private readonly LinkedList<PendingSend> _inFlight = new();
    private readonly Backoff _backoff = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(2));
    private DataLink? _link;
    private DuplexityException? _over;
    private long _order;
    private bool _isPumping;
    private bool _pumpAgain;
    private bool _isHeld;

    /// <summary>Puts a message into line, before its first await, and waits for the answer.</summary>
    /// <exception cref="DuplexityException">It was refused; or time is up, and then <see cref="Errors.OutcomeUnknown"/> if it had been on the wire.</exception>
    public async Task<SendResponse> SendAsync(MessageRequest request, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var send = Enqueue(request);
        Pump();
        try
        {
            return await WaitAsync(send, ct).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new DuplexityException(MayBeStored(send)
                ? DuplexityError.Of(Errors.OutcomeUnknown, "The send was not answered in time; whether it was stored is not known.")
                : send.LastRefusal ?? DuplexityError.Of(Errors.Unavailable, "There was no connection in time; the message was not sent."));
        }
        finally
        {
            Forget(send);
        }
    }

    /// <summary>A new link is open: everything unanswered goes out again, oldest first.</summary>
    public void Resume(DataLink link)
    {
        Later.Lose();
        lock (_gate)
        {
            _link = link;
            _isHeld = false;
            _early.Clear();
            while (_inFlight.Last is { } last)
            {
                _inFlight.RemoveLast();
                last.Value.Attempt++;
                last.Value.MayBeStored = true;
                last.Value.HeldAs = null;
                AddInOrder(_waiting, last);
            }
        }

        Pump();
    }

    /// <summary>The connection is over: nothing is sent any more.</summary>
    public void Close(DuplexityException reason)
    {
        Later.Lose();
        PendingSend[] left;
        lock (_gate)
        {
            _over ??= reason;
            _link = null;
            left = [.. _inFlight, .. _waiting];
        }

        foreach (var send in left)
        {
            send.Answer.TrySetException(reason);
        }
    }

    private PendingSend Enqueue(MessageRequest request)
    {
        lock (_gate)
        {
            if (_over is not null)
            {
                throw _over;
            }

            if (_waiting.Count >= Capacity)
            {
                throw new DuplexityException(DuplexityError.Of(Errors.RateLimited, $"{Capacity} sends are waiting already; await some of them first.") with { Limit = "send_queue" });
            }

            if (request.IdempotencyKey is null)
            {
                // The number is drawn in the order of the calls and never changes: it is what makes a repeated send the same send.
                var sequence = _sequences[request.As!] = _sequences.GetValueOrDefault(request.As!) + 1;
                request = request with { Session = session, Sequence = sequence };
            }

            var send = new PendingSend(request, ++_order);
            _waiting.AddLast(send.Node);
            return send;
        }
    }

    // One thread pumps at a time, so that invocations begin in order; who comes meanwhile leaves a note.
    private void Pump()
    {
        lock (_gate)
        {
            if (_isPumping)
            {
                _pumpAgain = true;
                return;
            }

            _isPumping = true;
        }

        while (true)
        {
            DataLink link;
            PendingSend send;
            MessageRequest request;
            lock (_gate)
            {
                if (_link is null || _isHeld || _inFlight.Count >= Window || _waiting.First is not { } first)
                {
                    if (_pumpAgain)
                    {
                        _pumpAgain = false;
                        continue;
                    }

                    _isPumping = false;
                    return;
                }

                link = _link;
                send = first.Value;
                request = send.Request with { After = UnansweredBefore(send) };
                _waiting.RemoveFirst();
                AddInOrder(_inFlight, first);
            }

            _ = DispatchAsync(send, request, send.Attempt, link);
        }
    }

    private async Task DispatchAsync(PendingSend send, MessageRequest request, int attempt, DataLink link)
    {
        try
        {
            var answer = await (request is SendRequest to ? link.Hub.Send(to) : link.Hub.Emit((EmitRequest)request)).ConfigureAwait(false);
            var kind = answer.Error?.KindOfCode();
            if (kind == ErrorKind.Unavailable)
            {
                Hold(send, attempt, answer.Error!);
            }
            else if (kind == ErrorKind.Closed && Retry.Of(answer.Error!.Code) != Retry.Never)
            {
                // The server is closing the connection, and has taken nothing: the link's own end, which has the reason, is on its way.
                Leave(link);
            }
            else if (answer.Level != Levels.Held || TryApplyEarly(send, attempt, answer.MessageId, out answer))
            {
                Complete(send, attempt, answer);
            }
        }
        catch (Exception e) when (Faults.IsLoss(e))
        {
            link.Abandon(e);
            Leave(link);
        }
        catch (Exception e)
        {
            var fault = Faults.OfInvocation(e);
            if (fault.Kind == ErrorKind.Unavailable)
            {
                Hold(send, attempt, fault.Error);
            }
            else
            {
                send.Answer.TrySetException(fault);
            }
        }

        Pump();
    }

    /// <summary>What is in flight stays so until the next link: Resume puts it back into line.</summary>
    private void Leave(DataLink link)
    {
        lock (_gate)
        {
            _link = _link == link ? null : _link;
        }
    }

    private void Complete(PendingSend send, int attempt, SendResponse answer)
    {
        lock (_gate)
        {
            _backoff.Reset();
            if (send.Attempt == attempt)
            {
                send.Node.List?.Remove(send.Node);
            }
        }

        send.Answer.TrySetResult(answer);
    }

    private bool MayBeStored(PendingSend send)
    {
        lock (_gate)
        {
            return send.MayBeStored || send.Node.List == _inFlight;
        }
    }

    private void Forget(PendingSend send)
    {
        lock (_gate)
        {
            send.Node.List?.Remove(send.Node);
        }

        Pump();
    }
}
