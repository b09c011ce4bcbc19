using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <content>Sends that carry a sequence are stored in its order, or not yet.</content>
internal sealed partial class PipeMachine
{
    private static readonly SendResponse TooOld =
        new() { Error = DuplexityError.Of(Errors.OutcomeUnknown, "This sequence is too old: whether the message was stored is not known any more.") };

    /// <summary>What was held has let others pass; where later ones of its session were stored meanwhile, its place among the sequences is gone, and it is stored under a key made of it, by which a repetition is known.</summary>
    private static IdempotencyKey? KeyAfterHold(Transit transit) =>
        transit is { Key: { Session: not null } key, Sender.Line: { } line } && line.Order.EnterLate(key) ? LateKey(key) : transit.Key;

    private static IdempotencyKey LateKey(IdempotencyKey key) => new(key.Client, null, 0, $"held {key.Session} {key.Sequence}", key.Fingerprint);

    private async ValueTask<AppendResult?> FindLateAsync(IdempotencyKey key) => key.Session is null ? null : await _engine.Log.FindAsync(LateKey(key));

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
        key = before == 0 || transit.Request.After is null ? key : key with { After = before };
        return isNext;
    }

    private static ValueTask<SendResponse> NoteAnswer(Sender sender, MessageRequest request, ValueTask<SendResponse> sending)
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

    /// <summary>Before the next one in the line goes: what its gates have refused is not to be overtaken either.</summary>
    private static void NoteRefusal(Transit transit, DuplexityError refused)
    {
        if (SendOrder.IsMissing(refused) && transit is { Key: { Session: { } session } key, Sender.Line: { } line })
        {
            line.Order.Leave(key.Client, session, key.Sequence, isMissing: true);
        }
    }

    /// <summary>One that is too old is below the highest that is stored: nothing waits for it.</summary>
    private static bool IsMissing(SendResponse answer) => answer.Error is { } error && !ReferenceEquals(answer, TooOld) && SendOrder.IsMissing(error);
}
