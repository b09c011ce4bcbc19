using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>
/// The application's gates at the entry of a channel, asked for who listens to it, reads it back or sees who is there. One that asks a question refuses for now (420): nobody waits in a call for a
/// person, and the client's next try passes. Thread-safe.
/// </summary>
internal sealed class ListenerGates(ApplicationGates gates, TimeProvider time, DuplexityOptions options)
{
    /// <summary>The most questions to one socket about what it wants to listen to.</summary>
    private const int MostQuestions = 32;

    /// <summary>Why the listener may not enter; null: it may.</summary>
    /// <param name="sender">Who listens.</param>
    /// <param name="channel">What to.</param>
    /// <param name="operation">Join or receive, a word of <see cref="Operation"/>.</param>
    public ValueTask<DuplexityError?> CheckAsync(Sender sender, Address channel, string operation) => gates.IsEmpty(Step.Entry) ? default : CheckAllAsync(sender, channel, operation);

    /// <summary>What each gate would say, now.</summary>
    public async Task<GateVerdict[]> ExplainAsync(Sender sender, Address channel, string operation)
    {
        var text = channel.ToString();
        var deadline = new GateDeadline(time, options.Times.Gate);
        var verdicts = new List<GateVerdict>();
        foreach (var gate in gates.At(Step.Entry).Where(g => g.Covers(text)))
        {
            var result = await gate.AskAsync(GateViews.Of(sender, Step.Entry, operation) with { Target = channel, IsTrial = true }, deadline);
            verdicts.Add(new GateVerdict { Step = "entry", Gate = gate.Name, Error = result is GateResult.Held held ? Asked(gate.Name, held) : ErrorOf(gate.Name, result) });
        }

        return [.. verdicts];
    }

    /// <summary>Gives the client's answer to the gate that had asked.</summary>
    public async Task<AnswerVerdict> JudgeAsync(SendLine line, Challenge challenge, ChallengeAnswer answer)
    {
        var (target, operation) = challenge.Wish;
        var result = line.End.Renewed(challenge.Client) is { } sender && Array.Find(gates.At(Step.Entry), g => g.Name == challenge.Gate) is { } gate
            ? await gate.AskAsync(GateViews.Of(sender, Step.Entry, operation) with { Target = target, Answer = answer }, new GateDeadline(time, options.Times.Gate))
            : GateResult.Refuse("");
        lock (line.Held.Lock)
        {
            challenge.IsJudging = false;
            if (result is GateResult.Held && challenge.Attempts < options.Limits.ChallengeAttempts)
            {
                return AnswerVerdict.Wrong;
            }

            challenge.Timer?.Dispose();
            line.Held.Challenges.Remove(challenge.Id);
            if (result is not GateResult.Passed)
            {
                return AnswerVerdict.Refused;
            }

            var now = time.GetUtcNow();
            foreach (var old in line.Held.Satisfied.Where(s => s.Value <= now).Select(s => s.Key).ToArray())
            {
                line.Held.Satisfied.Remove(old);
            }

            if (line.Held.Satisfied.Count < MostQuestions)
            {
                line.Held.Satisfied[(challenge.Gate, challenge.Client, target, operation)] = now + options.Times.Hold;
            }

            return AnswerVerdict.Good;
        }
    }

    private async ValueTask<DuplexityError?> CheckAllAsync(Sender sender, Address channel, string operation)
    {
        var text = channel.ToString();
        var deadline = new GateDeadline(time, options.Times.Gate);
        foreach (var gate in gates.At(Step.Entry))
        {
            if (!gate.Covers(text) || IsSatisfied(sender, gate.Name, channel, operation))
            {
                continue;
            }

            var result = await gate.AskAsync(GateViews.Of(sender, Step.Entry, operation) with { Target = channel }, deadline);
            if (result is GateResult.Held held)
            {
                return Ask(sender, gate.Name, held, channel, operation);
            }

            if (ErrorOf(gate.Name, result) is { } error)
            {
                return error;
            }
        }

        return null;
    }

    private bool IsSatisfied(Sender sender, string gate, Address channel, string operation)
    {
        if (sender.Line?.Held is not { } held)
        {
            return false;
        }

        lock (held.Lock)
        {
            return held.Satisfied.TryGetValue((gate, sender.Client, channel, operation), out var until) && until > time.GetUtcNow();
        }
    }

    private DuplexityError Ask(Sender sender, string gate, GateResult.Held question, Address channel, string operation)
    {
        if (sender.Line is not { HasEnd: true, Held: var held } line)
        {
            return GateRun.NobodyThere(gate, question);
        }

        Challenge challenge;
        lock (held.Lock)
        {
            if (held.Challenges.Values.Any(c => c.Message is null && (c.Gate, c.Client, c.Wish) == (gate, sender.Client, (channel, operation))))
            {
                return Asked(gate, question);
            }

            if (held.IsOver || held.Challenges.Values.Count(c => c.Message is null) >= MostQuestions)
            {
                return DuplexityError.Of(Errors.RateLimited, "This socket is asked too much already; answer its challenges first.") with { Gate = gate, Limit = "challenges", Used = MostQuestions };
            }

            challenge = new Challenge(Holds.NewId(), sender.Client, gate, question.Kind, time.GetUtcNow()) { Wish = (channel, operation) };
            held.Challenges[challenge.Id] = challenge;
            challenge.Timer = time.CreateTimer(_ => Forget(held, challenge), null, options.Times.Hold, Timeout.InfiniteTimeSpan);
        }

        line.End.Tell(challenge.Event(question, channel.ToString(), null, options.Times.Hold));
        return Asked(gate, question);
    }

    private static void Forget(HeldMessages held, Challenge challenge)
    {
        lock (held.Lock)
        {
            challenge.Timer?.Dispose();
            held.Challenges.Remove(challenge.Id);
        }
    }

    private static DuplexityError Asked(string gate, GateResult.Held question) =>
        DuplexityError.Of(Errors.Challenged, $"The gate asks first: {VisibleText.Of(question.Sentence, VisibleText.LogLength)} Answer the challenge, then try again.") with { Gate = gate };

    private static DuplexityError? ErrorOf(string gate, GateResult result) => result switch
    {
        GateResult.Passed => null,
        GateResult.Refused refused => DuplexityError.Of(Errors.GateRefused, refused.Reason) with { Gate = gate },
        GateResult.Failed failed => failed.Error,
        _ => DuplexityError.Of(Errors.Unavailable, $"The gate {gate} wants to change or redirect a listener, which cannot be.") with { Gate = gate },
    };
}
