using Duplexity.Protocol;
using Duplexity.Server.Auth;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Hubs;

/// <summary>AnswerChallenge: a fresh token is read and taken on as by Refresh, anything else goes to the gate that asked.</summary>
internal sealed class ChallengeCalls(Answers answers, TokenReader tokens, IdentityChanges changes)
{
    public async Task<Done> AnswerAsync(Socket socket, HeldIdentity acting, AnswerChallengeRequest request, CancellationToken ct)
    {
        if (answers.Find(socket.Line, acting.Client, request.Id, out var challenge) is { } unknown)
        {
            return new Done { Error = unknown };
        }

        if (challenge.Kind == ChallengeKind.Reauthenticate)
        {
            return new Done { Error = await ReauthenticateAsync(socket, challenge, request.Token, ct) };
        }

        var isKey = challenge.Kind == ChallengeKind.Key;
        var value = isKey ? request.Key : request.Value;
        return value is { Length: > 0 and <= Wire.MaxAnswerLength }
            ? new Done { Error = await answers.GiveAsync(socket.Line, challenge, value) }
            : new Done { Error = DuplexityError.Of(Errors.InvalidRequest, $"This challenge is answered with {(isKey ? "key" : "value")}, of 1 to {Wire.MaxAnswerLength} characters.") };
    }

    private async Task<DuplexityError?> ReauthenticateAsync(Socket socket, Challenge challenge, string? token, CancellationToken ct)
    {
        if (token is null)
        {
            return DuplexityError.Of(Errors.InvalidRequest, "This challenge is answered with token, a fresh one of the same client.");
        }

        return await socket.Identities.ChangeAsync(async () =>
        {
            if (await tokens.ReadAsync(token, ct) is not { } identity || identity.Client != challenge.Client)
            {
                return answers.GiveWrong(socket.Line, challenge, "The token was refused; get another one of the same client.");
            }

            // What it holds goes on by itself, as after every Refresh.
            return Answers.IsFresh(challenge, identity.IssuedAt)
                ? (await changes.RefreshAsync(socket, identity)).Error
                : answers.GiveWrong(socket.Line, challenge, "The token is older than the question; sign in anew.");
        });
    }
}
