using System.Security.Cryptography;
using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>
/// Keeps messages that a gate holds, asks the client, and lets them go on where they stood when it has answered; then those behind them, in order. Every wait ends: by an answer, by
/// <see cref="TimeOptions.Hold"/>, or with the socket. Thread-safe.
/// </summary>
internal sealed partial class Holds(GateRun gates, Func<Transit, ValueTask<SendResponse>> append, Announcer announcer, TimeProvider time, DuplexityOptions options)
{
    /// <summary>Whether a message must be held: a gate asks about it, or one before it to the same channel is held.</summary>
    public static bool MustHold(Transit transit)
    {
        if (transit.Question is not null)
        {
            return true;
        }

        if (transit.Sender.Line?.Held is not { IsEmpty: false } held)
        {
            return false;
        }

        lock (held.Lock)
        {
            return held.IsBehind(transit);
        }
    }

    /// <summary>Holds a message; the answer says so, or why not.</summary>
    public SendResponse Hold(Transit transit)
    {
        if (transit.Sender.Line is not { HasEnd: true, Held: var held } line)
        {
            return new() { Error = GateRun.NobodyThere(transit.QuestionOf!, transit.Question!) };
        }

        var message = new HeldMessage(transit, Answer(transit));
        ChallengeEvent? asked = null;
        lock (held.Lock)
        {
            if (held.IsOver)
            {
                return new() { Error = DuplexityError.Of(Errors.ShuttingDown, "This connection is being closed.") };
            }

            if (transit.Key is { } key && held.Messages.Find(m => m.Transit.Key == key) is { } same)
            {
                return same.Answer;
            }

            if (held.Messages.Count >= options.Limits.HeldMessages)
            {
                return new() { Error = DuplexityError.Of(Errors.RateLimited, $"{held.Messages.Count} messages of this socket wait for an answer to a challenge; answer it first.") with { Limit = "held_messages", Used = held.Messages.Count } };
            }

            var isBehind = held.IsBehind(transit);
            held.Add(message);
            message.Timer = time.CreateTimer(_ => End(line, message, TooLate(message.Challenge?.Gate)), null, options.Times.Hold, Timeout.InfiniteTimeSpan);
            if (isBehind)
            {
                transit.Restart();
            }
            else if (transit.Question is not null)
            {
                asked = AskUnsynchronized(held, message);
            }
            else
            {
                // What it was to wait for has gone in between.
                transit.Restart();
                message.IsMoving = true;
            }
        }

        announcer.Say(Step.Entry, AnnouncedAction.Held, transit);
        if (asked is not null)
        {
            line.End.Tell(asked);
        }
        else if (message.IsMoving)
        {
            _ = MoveAsync(line, message, null);
        }

        return message.Answer;
    }

    /// <summary>Asks the gates again about a held message, with the client's answer for the one that had asked; then it goes, waits on, or ends.</summary>
    public async Task<AnswerVerdict> MoveAsync(SendLine line, HeldMessage message, ChallengeAnswer? answer)
    {
        var (held, transit) = (line.Held, message.Transit);
        var place = (transit.At, transit.Next);
        if (line.End.Renewed(transit.Sender.Client) is not { } sender)
        {
            return End(line, message, FallenOff());
        }

        transit.Sender = sender with { Rooms = transit.Sender.Rooms };
        Recheck(transit);
        (transit.Answer, transit.Question) = (answer, null);
        if (await gates.AskAsync(transit) is { } refused)
        {
            return End(line, message, refused);
        }

        if (transit.Question is null)
        {
            return Commit(line, message);
        }

        ChallengeEvent? asked = null;
        var isWrong = answer is not null && place == (transit.At, transit.Next);
        lock (held.Lock)
        {
            message.IsMoving = false;
            if (isWrong && message.Challenge is { } same)
            {
                same.IsJudging = false;
                isWrong = same.Attempts < options.Limits.ChallengeAttempts;
            }
            else if (held.Messages.Contains(message))
            {
                message.Timer?.Change(options.Times.Hold, Timeout.InfiniteTimeSpan);
                asked = AskUnsynchronized(held, message);
            }
        }

        if (asked is not null)
        {
            line.End.Tell(asked);
            return AnswerVerdict.Good;
        }

        return isWrong ? AnswerVerdict.Wrong : End(line, message, DuplexityError.Of(Errors.GateRefused, "The answers to the gate's question were wrong.") with { Gate = transit.QuestionOf });
    }

    /// <summary>The socket is gone (or, with <paramref name="client"/>, that client has fallen off it): what it had sent and a gate holds goes nowhere.</summary>
    public void Release(SendLine line, string? client)
    {
        HeldMessage[] ended;
        lock (line.Held.Lock)
        {
            line.Held.IsOver |= client is null;
            ended = [.. line.Held.Messages.Where(m => client is null || m.Transit.Sender.Client == client)];
            foreach (var challenge in line.Held.Challenges.Values.Where(c => c.Message is null && (client is null || c.Client == client)).ToArray())
            {
                challenge.Timer?.Dispose();
                line.Held.Challenges.Remove(challenge.Id);
            }
        }

        foreach (var message in ended)
        {
            End(line, message, DuplexityError.Of(Errors.IdentityNotHeld, "The client that sent the message has fallen off the socket."));
        }
    }

    /// <summary>Wrong answers are used up: what the question was about ends.</summary>
    public void GiveUp(SendLine line, Challenge challenge)
    {
        if (challenge.Message is { } message)
        {
            End(line, message, DuplexityError.Of(Errors.GateRefused, "The answers to the gate's question were wrong.") with { Gate = challenge.Gate });
            return;
        }

        lock (line.Held.Lock)
        {
            challenge.Timer?.Dispose();
            line.Held.Challenges.Remove(challenge.Id);
        }
    }

    /// <summary>What is said of a message whose sender is not there any more.</summary>
    public static DuplexityError FallenOff() => DuplexityError.Of(Errors.IdentityNotHeld, "The client that sent the message has fallen off the socket, or its token has expired.");

    /// <summary>An id that nobody guesses.</summary>
    public static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private static SendResponse Answer(Transit transit) => new()
    {
        MessageId = transit.MessageId,
        Level = Levels.Held,
        Destinations = [.. transit.Destinations.Take(transit.Named).Select(d => d.Result(null, null))],
    };

    private static DuplexityError TooLate(string? gate) =>
        DuplexityError.Of(Errors.GateRefused, gate is null ? "It waited too long behind a message that is held." : "The gate's question was not answered in time.") with { Gate = gate };

    private ChallengeEvent AskUnsynchronized(HeldMessages held, HeldMessage message)
    {
        var transit = message.Transit;
        var question = transit.Question!;
        var now = time.GetUtcNow();
        if (message.Challenge is { } before)
        {
            held.Challenges.Remove(before.Id);
        }

        var challenge = message.Challenge = new Challenge(NewId(), transit.Sender.Client, transit.QuestionOf!, question.Kind, now) { Message = message };
        held.Challenges[challenge.Id] = challenge;
        return challenge.Event(question, transit.At < 0 ? null : transit.Destinations[transit.At].Text, transit.MessageId, options.Times.Hold);
    }

    /// <summary>What may have changed while it was held: the destinations whose own gates it had passed are looked at again.</summary>
    private void Recheck(Transit transit)
    {
        for (var i = 0; i <= transit.At && i < transit.Destinations.Count; i++)
        {
            if (transit.Destinations[i].IsTaking && (i < transit.At || transit.Next > 0) && gates.CheckOwn(transit, i) is { } error)
            {
                transit.Destinations[i] = transit.Destinations[i] with { Error = error };
            }
        }
    }
}
