using Duplexity.Protocol;

namespace Duplexity.Sending;

/// <summary>Sends that the server holds until a challenge is answered: they stay in flight, and after a reconnect go out again like the others.</summary>
internal sealed partial class Outbox
{
    private readonly Queue<ReceiptChangedEvent> _early = new();

    /// <summary>Those that wait to be delivered or acknowledged.</summary>
    public LaterReceipts Later { get; } = new();

    /// <summary>What became of a message that the server held, or whose sender wants to know more.</summary>
    public void Apply(ReceiptChangedEvent changed)
    {
        if (Later.TryApply(changed))
        {
            return;
        }

        PendingSend? send;
        lock (_gate)
        {
            send = _inFlight.FirstOrDefault(s => s.HeldAs == changed.MessageId);
            if (send is null)
            {
                // It may have overtaken the answer that says `held`.
                _early.Enqueue(changed);
                if (_early.Count > Window)
                {
                    _early.Dequeue();
                }

                return;
            }
        }

        Complete(send, send.Attempt, AnswerOf(changed));
        Pump();
    }

    private async Task<SendResponse> WaitAsync(PendingSend send, CancellationToken ct)
    {
        try
        {
            return await send.Answer.Task.WaitAsync(options.SendTimeout, options.TimeProvider, ct).ConfigureAwait(false);
        }
        catch (TimeoutException) when (send.HeldAs is not null)
        {
            return await send.Answer.Task.WaitAsync(options.HoldTimeout, options.TimeProvider, ct).ConfigureAwait(false);
        }
    }

    // The server holds the message: it stays in flight until ReceiptChanged, which may have come already.
    private bool TryApplyEarly(PendingSend send, int attempt, string? messageId, out SendResponse answer)
    {
        lock (_gate)
        {
            var early = _early.FirstOrDefault(e => e.MessageId == messageId);
            answer = early is null ? new() : AnswerOf(early);
            if (early is null && send.Attempt == attempt)
            {
                send.HeldAs = messageId;
            }

            return early is not null;
        }
    }

    private static SendResponse AnswerOf(ReceiptChangedEvent changed) =>
        new() { MessageId = changed.MessageId, Level = changed.Level, Error = changed.Error, Destinations = changed.Destinations };
}
