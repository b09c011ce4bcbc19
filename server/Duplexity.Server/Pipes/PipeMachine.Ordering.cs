using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <content>Sends that carry a sequence are stored in its order, or not yet.</content>
internal sealed partial class PipeMachine
{
    private static SendResponse OutOfOrder() =>
        new() { Error = DuplexityError.Of(Errors.Unavailable, "An earlier message of this session is not stored yet; nothing was stored, send that one again first, then this one.") };

    /// <summary>Adds to the key what of its session has to be stored before; false: that is missing.</summary>
    private static bool TryOrder(Transit transit, ref IdempotencyKey? key)
    {
        if (key is not { Session: not null } || transit.Sender.Line is not { } line)
        {
            return true;
        }

        var isNext = line.Order.TryEnter(key, transit.Request.After, out var before);
        key = before == 0 ? key : key with { After = before };
        return isNext;
    }

    private static ValueTask<SendResponse> InOrder(Sender sender, MessageRequest request, ValueTask<SendResponse> sending)
    {
        if (sender.Line is not { } line || request is not { Session: { } session, Sequence: { } sequence })
        {
            return sending;
        }

        if (!sending.IsCompletedSuccessfully)
        {
            return LaterAsync();
        }

        var answer = sending.Result;
        line.Order.Leave(sender.Client, session, sequence, IsMissing(answer));
        return new(answer);

        async ValueTask<SendResponse> LaterAsync()
        {
            var isMissing = true;
            try
            {
                var answer = await sending;
                isMissing = IsMissing(answer);
                return answer;
            }
            finally
            {
                line.Order.Leave(sender.Client, session, sequence, isMissing);
            }
        }
    }

    /// <summary>"Not now", or "nobody knows": its sender sends it again.</summary>
    private static bool IsMissing(SendResponse answer) => answer.Error is { Code: var code } && (ErrorKind)(code / 100) == ErrorKind.Unavailable;
}
