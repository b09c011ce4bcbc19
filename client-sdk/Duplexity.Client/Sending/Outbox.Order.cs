namespace Duplexity.Sending;

/// <summary>The order of the sends: what the server cannot take now goes back into its place, and the server is told what it is not to be overtaken by.</summary>
internal sealed partial class Outbox
{
    private static void AddInOrder(LinkedList<PendingSend> sends, LinkedListNode<PendingSend> send)
    {
        var before = sends.Last;
        while (before is not null && before.Value.Order > send.Value.Order)
        {
            before = before.Previous;
        }

        if (before is null)
        {
            sends.AddFirst(send);
        }
        else
        {
            sends.AddAfter(before, send);
        }
    }

    /// <summary>The nearest earlier number of the same client that has no answer: where the server has to be sent that one again, it is not to take this one before.</summary>
    private long? UnansweredBefore(PendingSend send)
    {
        for (var before = send.Request.Sequence is null ? null : _inFlight.Last; before is not null; before = before.Previous)
        {
            if (before.Value.Order < send.Order && before.Value.Request is { Sequence: { } sequence } request && request.As == send.Request.As)
            {
                return sequence;
            }
        }

        return null;
    }

    // "Not now": the send goes back into its place in the line, and the line waits a little.
    private void Hold(PendingSend send, int attempt, DuplexityError error)
    {
        lock (_gate)
        {
            send.LastRefusal = error;
            send.MayBeStored |= error.Is(Errors.OutcomeUnknown);
            if (send.Attempt != attempt || send.Node.List != _inFlight)
            {
                return;
            }

            _inFlight.Remove(send.Node);
            send.Attempt++;
            AddInOrder(_waiting, send.Node);
            if (_isHeld)
            {
                return;
            }

            _isHeld = true;
        }

        _ = ReleaseAsync(TimeSpan.FromMilliseconds(Math.Max(_backoff.Next().TotalMilliseconds, error.RetryAfterMs ?? 0)));
    }

    private async Task ReleaseAsync(TimeSpan pause)
    {
        // A pause that chance made shorter than a millisecond would be none at all.
        await Task.Delay(pause < Shortest ? Shortest : pause, options.TimeProvider).ConfigureAwait(false);
        lock (_gate)
        {
            _isHeld = false;
        }

        Pump();
    }
}
