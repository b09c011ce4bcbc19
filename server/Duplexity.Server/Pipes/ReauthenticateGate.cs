using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>Entry of rooms that want a fresh sign-in (<see cref="RoomOptions.Reauthenticate"/>). The application itself has no token, and passes. Thread-safe.</summary>
internal sealed class ReauthenticateGate(RoomPatterns patterns, TimeProvider time) : IGate
{
    public ValueTask<GateResult> CheckAsync(GateContext context, CancellationToken ct) =>
        context.IsServer || patterns.First(context.Target.Name, r => r.Reauthenticate) is not { } age || time.GetUtcNow() - context.IssuedAt <= age
            ? new(GateResult.Pass)
            : new(GateResult.Hold(ChallengeKind.Reauthenticate, $"{VisibleText.Of(context.Target.ToString())} wants a sign-in that is not older than {age:c}; sign in again."));
}
