using Duplexity.Diagnostics;
using Duplexity.Links;
using Duplexity.Protocol;
using Microsoft.Extensions.Logging;

namespace Duplexity;

/// <summary>What a gate of the server asks before a message or a listener may pass. Immutable.</summary>
/// <param name="Kind">What is wanted: <c>reauthenticate</c> (a fresh token), <c>key</c>, or a word of the application's own.</param>
/// <param name="Client">The client that is asked.</param>
/// <param name="Channel">Where the message, or the listener, wants to go; null: everywhere.</param>
/// <param name="Sentence">What a person is asked. From the server: show it through <see cref="VisibleText"/>.</param>
/// <param name="Gate">The gate that asks.</param>
/// <param name="Data">What the answer needs, by names of the application's own.</param>
/// <param name="ExpiresAt">Until when an answer counts.</param>
public sealed record Challenge(string Kind, string Client, Address? Channel, string Sentence, string Gate, IReadOnlyDictionary<string, string> Data, DateTimeOffset ExpiresAt);

/// <summary>Answers challenges: by the application's handler, and where that has nothing to say and a fresh token is wanted, from the client's source of tokens. Thread-safe.</summary>
internal sealed class Challenges(Identities identities, TimeProvider time, ILogger logger)
{
    private static readonly Dictionary<string, string> NoData = [];

    private Func<Challenge, CancellationToken, ValueTask<string?>>? _handler;

    /// <summary>From now on the application answers.</summary>
    /// <exception cref="InvalidOperationException">It does already.</exception>
    public IDisposable Handle(Func<Challenge, CancellationToken, ValueTask<string?>> handler) => Interlocked.CompareExchange(ref _handler, handler, null) is null
        ? new Handling(this, handler)
        : throw new InvalidOperationException("This connection has a handler of challenges already; dispose that one first.");

    /// <summary>Answers one, unless nobody can.</summary>
    public async Task AnswerAsync(DataLink link, ChallengeEvent asked)
    {
        try
        {
            var expiresAt = DateTimeOffset.FromUnixTimeMilliseconds(asked.ExpiresAt);
            var left = expiresAt - time.GetUtcNow();
            using var late = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, time);
            var challenge = new Challenge(asked.Kind, asked.Client, Address.TryParse(asked.Channel, null, out var channel) ? channel : null, asked.Sentence, asked.Gate, asked.Data ?? NoData, expiresAt);
            var refused = false;
            while (await FindAsync(challenge, isAgain: refused, late.Token).ConfigureAwait(false) is { } answer)
            {
                var reply = await link.Hub.AnswerChallenge(new AnswerChallengeRequest
                {
                    As = asked.Client,
                    Id = asked.Id,
                    Token = asked.Kind == ChallengeKind.Reauthenticate ? answer : null,
                    Key = asked.Kind == ChallengeKind.Key ? answer : null,
                    Value = asked.Kind is ChallengeKind.Reauthenticate or ChallengeKind.Key ? null : answer,
                }).ConfigureAwait(false);
                if (reply.Error is not { } error)
                {
                    return;
                }

                Log.ChallengeAnswerRefused(logger, error.Code, VisibleText.Of(asked.Gate, VisibleText.LogLength));
                refused = true;
                if (!error.Is(Errors.ChallengeFailed))
                {
                    return;
                }
            }
        }
        catch (Exception e)
        {
            // What was held is refused when its time is over; the send says so.
            Log.ChallengeNotAnswered(logger, VisibleText.Of(asked.Gate, VisibleText.LogLength), e);
        }
    }

    private async ValueTask<string?> FindAsync(Challenge challenge, bool isAgain, CancellationToken ct)
    {
        if (_handler is { } handler && await handler(challenge, ct).ConfigureAwait(false) is { } answer)
        {
            return answer;
        }

        // Once: a source that gave an old token gives it again.
        return challenge.Kind == ChallengeKind.Reauthenticate && !isAgain && identities.SourceOf(challenge.Client) is { } source ? await source(ct).ConfigureAwait(false) : null;
    }

    private sealed class Handling(Challenges challenges, Func<Challenge, CancellationToken, ValueTask<string?>> handler) : IDisposable
    {
        public void Dispose() => Interlocked.CompareExchange(ref challenges._handler, null, handler);
    }
}
