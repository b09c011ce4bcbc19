using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <content>The level that a sender asks for.</content>
internal sealed partial class PipeMachine
{
    /// <summary>The level beyond the log that a sender wants to be told of; null: none.</summary>
    private static ReceiptLevel? Later(MessageRequest request) =>
        Levels.TryRead(request.Level, out var level) && level > ReceiptLevel.Stored ? level : null;

    private DuplexityError? ReadLevel(Sender sender, MessageRequest request)
    {
        if (request.Level is null)
        {
            return null;
        }

        if (!Levels.TryRead(request.Level, out var level))
        {
            return DuplexityError.Of(Errors.InvalidRequest, $"\"{VisibleText.Of(request.Level, 64)}\" is not a level; use accepted, written, fsynced, replicated, stored, delivered or acknowledged.");
        }

        if (level > ReceiptLevel.Stored)
        {
            return sender.Line is not { HasEnd: true }
                ? DuplexityError.Of(Errors.InvalidRequest, "What is delivered or acknowledged is told later, and only a socket can be told; send with level stored.")
                : level == ReceiptLevel.Acknowledged && (request as SendRequest)?.To?.All(a => a.StartsWith("client:", StringComparison.Ordinal)) != true
                    ? DuplexityError.Of(Errors.InvalidRequest, "Only inboxes are acknowledged; send to clients alone, or with level delivered.")
                    : null;
        }

        return level != ReceiptLevel.Stored && level > _engine.Log.Level
            ? DuplexityError.Of(Errors.InvalidRequest, $"This node's engine reaches {Levels.Word(_engine.Log.Level)}, not {Levels.Word(level)}; ask for stored, which is what the operator set.")
            : null;
    }

    /// <summary>Notes that the sender wants to be told, if it does; an error where it cannot be.</summary>
    private DuplexityError? AwaitReceipt(Transit transit, IReadOnlyCollection<Address> taken) =>
        Later(transit.Request) is { } level ? _receipts.Await(transit.MessageId, transit.Sender, level, taken) : null;

    private async ValueTask<AppendResult> AwaitAsync(ValueTask<AppendResult> append, string messageId)
    {
        AppendResult result;
        try
        {
            result = await append;
        }
        catch
        {
            _receipts.Forget(messageId);
            throw;
        }

        if (result.Outcome is AppendOutcome.Stored or AppendOutcome.Repeated)
        {
            _receipts.Stored(messageId, result);
        }
        else
        {
            _receipts.Forget(messageId);
        }

        return result;
    }
}
