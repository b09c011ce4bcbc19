using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>Brings what clients answer to the gate that asked. Thread-safe.</summary>
internal sealed class Answers(PipeMachine machine, ListenerGates listeners, DuplexityOptions options)
{
    /// <summary>The challenge that a client is asked on a socket; an error where there is none of that id.</summary>
    public DuplexityError? Find(SendLine line, string client, string? id, out Challenge challenge)
    {
        lock (line.Held.Lock)
        {
            challenge = id is null ? null! : line.Held.Challenges.GetValueOrDefault(id)!;
            return challenge?.Client == client
                ? null
                : DuplexityError.Of(Errors.NoSuchChallenge, "This client is asked nothing of that id: it was answered, or its time is over.");
        }
    }

    /// <summary>Gives an answer to the gate. Null: it was right; what it was about goes on.</summary>
    public async Task<DuplexityError?> GiveAsync(SendLine line, Challenge challenge, string? value)
    {
        if (!TryBegin(line, challenge, out var attempt))
        {
            return DuplexityError.Of(Errors.NoSuchChallenge, "Another answer to this challenge is with the gate, or it is over.");
        }

        var answer = new ChallengeAnswer { Kind = challenge.Kind, Value = value, Attempt = attempt };
        var verdict = challenge.Message is { } message ? await machine.Holds.MoveAsync(line, message, answer) : await listeners.JudgeAsync(line, challenge, answer);
        return verdict switch
        {
            AnswerVerdict.Good => null,
            AnswerVerdict.Wrong => Wrong(attempt, $"The answer is wrong; {options.Limits.ChallengeAttempts - attempt} more may be given."),
            _ => Wrong(attempt, "The gate refuses; what was held has ended."),
        };
    }

    /// <summary>Counts an answer that need not be given to the gate: a token that is not good, or older than the question.</summary>
    public DuplexityError GiveWrong(SendLine line, Challenge challenge, string sentence)
    {
        bool isOver;
        int attempt;
        lock (line.Held.Lock)
        {
            attempt = ++challenge.Attempts;
            isOver = attempt >= options.Limits.ChallengeAttempts;
        }

        if (isOver)
        {
            machine.Holds.GiveUp(line, challenge);
        }

        return Wrong(attempt, sentence);
    }

    /// <summary>A client has a fresh token: what it was asked to sign in anew for goes on.</summary>
    public void Renewed(SendLine line, string client, DateTimeOffset? issuedAt)
    {
        Challenge[] answered;
        lock (line.Held.Lock)
        {
            answered = [.. line.Held.Challenges.Values.Where(c => c.Client == client && c.Kind == ChallengeKind.Reauthenticate && IsFresh(c, issuedAt))];
        }

        foreach (var challenge in answered)
        {
            _ = GiveAsync(line, challenge, null);
        }
    }

    /// <summary>The socket is gone (or, with <paramref name="client"/>, that client has fallen off it): nothing is held or asked for it any more.</summary>
    public void Release(SendLine line, string? client) => machine.Holds.Release(line, client);

    /// <summary>Whether a token was issued after the question; a token counts whole seconds.</summary>
    public static bool IsFresh(Challenge challenge, DateTimeOffset? issuedAt) => issuedAt?.ToUnixTimeSeconds() >= challenge.At.ToUnixTimeSeconds();

    private static bool TryBegin(SendLine line, Challenge challenge, out int attempt)
    {
        lock (line.Held.Lock)
        {
            attempt = challenge.Attempts + 1;
            if (challenge.IsJudging || !line.Held.Challenges.ContainsKey(challenge.Id))
            {
                return false;
            }

            (challenge.IsJudging, challenge.Attempts) = (true, attempt);
            return true;
        }
    }

    private static DuplexityError Wrong(int attempt, string sentence) => DuplexityError.Of(Errors.ChallengeFailed, sentence) with { Limit = "challenge_attempts", Used = attempt };
}
