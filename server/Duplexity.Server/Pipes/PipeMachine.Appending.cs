using System.Diagnostics;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Inboxes;

namespace Duplexity.Server.Pipes;

/// <content>The append, who counts it, and what its sender is told.</content>
internal sealed partial class PipeMachine
{
    /// <summary>Appends; the inboxes among the destinations count it until the log does.</summary>
    private ValueTask<AppendResult> AppendAsync(Activity? span, AppendRequest request)
    {
        var message = request.Message;
        _replies.Note(message);
        Inbox[] to = [.. message.Destinations.Where(d => d.Kind == AddressKind.Client).Select(_inboxes.Of)];
        if (to.Length == 0)
        {
            return LogAsync(span, request);
        }

        var size = message.Size;
        Array.ForEach(to, i => i.Sending(message.ChargedTo, size));
        return SettleAsync();

        async ValueTask<AppendResult> SettleAsync()
        {
            try
            {
                return await LogAsync(span, request);
            }
            finally
            {
                Array.ForEach(to, i => i.Sent(message.ChargedTo, size));
            }
        }
    }

    private async ValueTask<SendResponse> FinishAsync(ValueTask<AppendResult> append, Transit transit, Dictionary<Address, int?> listeners)
    {
        AppendResult result;
        try
        {
            result = await append;
            if (result.Outcome == AppendOutcome.Unknown && await FindLateAsync(transit.Key!) is { } late)
            {
                result = late;
            }
        }
        catch (DuplexityException e)
        {
            return new SendResponse { Error = e.Error };
        }
        catch (Exception)
        {
            // The engine did not answer: the message may be stored or not, and only the same key can find out (G3).
            return new SendResponse { Error = DuplexityError.Of(Errors.OutcomeUnknown, "The engine did not answer; send again with the same session and sequence, or the same key.") };
        }

        switch (result.Outcome)
        {
            case AppendOutcome.Mismatch:
                return new SendResponse { Error = DuplexityError.Of(Errors.IdempotencyMismatch, "This key was used before, for another message.") };
            case AppendOutcome.AlreadyTaken:
                return new SendResponse { MessageId = result.MessageId, Destinations = [] };
            case AppendOutcome.TooEarly:
                return OutOfOrder();
            case AppendOutcome.StaleFence:
                return new SendResponse { Error = FenceGate.Stale() };
            case AppendOutcome.Unknown:
                return TooOld;
        }

        var places = result.Destinations.Zip(result.Positions).ToDictionary(d => d.First, d => d.Second);
        return new SendResponse
        {
            MessageId = result.MessageId,
            Level = Levels.Word(result.Level),
            Destinations = [.. transit.Destinations.Take(transit.Named).Select(d => ResultOf(d, places, listeners))],
            Error = TooFew(result),
        };
    }

    /// <summary>Replicas that were waited for in vain: the sender repeats it with its key, and they are waited for again (G3). An ephemeral destination has none.</summary>
    private DuplexityError? TooFew(AppendResult result) => _engine.Log.Level == ReceiptLevel.Replicated && result.Level is not (ReceiptLevel.Accepted or ReceiptLevel.Replicated)
        ? DuplexityError.Of(Errors.OutcomeUnknown, $"The message is {Levels.Word(result.Level)}, and not on as many replicas as the operator set; send again with the same session and sequence, or the same key.")
        : null;

    /// <summary>A repeat tells what the first time did, whatever the gates say now: who can be reached may have changed in between (G4).</summary>
    private static DestinationResult ResultOf(Destination destination, Dictionary<Address, Position> places, Dictionary<Address, int?> listeners)
    {
        if (places.TryGetValue(destination.Address, out var place))
        {
            return (destination with { Error = null }).Result(place, listeners.GetValueOrDefault(destination.Address));
        }

        if (destination is { Error: null, Instead: not null })
        {
            return destination.Result(null, null);
        }

        var error = destination.Error ?? DuplexityError.Of(Errors.UnknownDestination, AllowanceGate.NotThere(destination.Address));
        return (destination with { Error = error }).Result(null, null);
    }
}
