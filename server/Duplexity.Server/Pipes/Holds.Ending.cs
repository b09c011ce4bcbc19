using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <content>How a held message's wait ends, and who goes on then.</content>
internal sealed partial class Holds
{
    private AnswerVerdict Commit(SendLine line, HeldMessage message)
    {
        lock (line.Held.Lock)
        {
            if (!line.Held.Messages.Contains(message))
            {
                return AnswerVerdict.Refused;
            }

            message.IsGoing = true;
        }

        // Appended before those behind it move, so that the order stays.
        var appended = append(message.Transit);
        Remove(line, message);
        _ = TellAsync(line, message.Transit, appended);
        MoveNext(line);
        return AnswerVerdict.Good;
    }

    private static async Task TellAsync(SendLine line, Transit transit, ValueTask<SendResponse> appended)
    {
        var answer = await appended;
        line.End.Tell(new ReceiptChangedEvent { MessageId = transit.MessageId, Level = answer.Level, Error = answer.Error, Destinations = answer.Destinations });
    }

    private AnswerVerdict End(SendLine line, HeldMessage message, DuplexityError error)
    {
        lock (line.Held.Lock)
        {
            if (message.IsGoing || !line.Held.Messages.Contains(message))
            {
                return AnswerVerdict.Refused;
            }

            message.IsGoing = true;
        }

        Remove(line, message);
        announcer.Say(Step.Entry, AnnouncedAction.DeadLetter, message.Transit, null, error);
        line.End.Tell(new ReceiptChangedEvent { MessageId = message.Transit.MessageId, Error = error });
        MoveNext(line);
        return AnswerVerdict.Refused;
    }

    private static void Remove(SendLine line, HeldMessage message)
    {
        lock (line.Held.Lock)
        {
            message.Timer?.Dispose();
            if (message.Challenge is { } challenge)
            {
                line.Held.Challenges.Remove(challenge.Id);
            }

            line.Held.Remove(message);
        }
    }

    /// <summary>Those that nothing holds up any more go on, in order.</summary>
    private void MoveNext(SendLine line)
    {
        while (true)
        {
            HeldMessage? next;
            lock (line.Held.Lock)
            {
                next = line.Held.Messages.Find(m => m is { Challenge: null, IsMoving: false } && !line.Held.IsBehind(m.Transit, m));
                if (next is null)
                {
                    return;
                }

                next.IsMoving = true;
            }

            _ = MoveAsync(line, next, null);
        }
    }
}
