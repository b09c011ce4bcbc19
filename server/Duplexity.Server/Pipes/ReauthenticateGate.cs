using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>Entry of rooms that want a fresh sign-in (<see cref="RoomOptions.Reauthenticate"/>). The application itself has no token, and passes. Thread-safe.</summary>
internal sealed class ReauthenticateGate(DuplexityOptions options, TimeProvider time) : IGate
{
    private readonly (string Pattern, TimeSpan Age)[] _ages =
    [
        .. options.Rooms.Where(r => r.Value?.Reauthenticate is not null)
            .OrderByDescending(r => r.Key.Count(c => c != '*'))
            .ThenBy(r => r.Key, StringComparer.Ordinal)
            .Select(r => (r.Key, r.Value.Reauthenticate!.Value)),
    ];

    public ValueTask<GateResult> CheckAsync(GateContext context, CancellationToken ct)
    {
        var room = Array.Find(_ages, a => Pattern.Matches(a.Pattern, context.Target.Name));
        return context.IsServer || room.Pattern is null || time.GetUtcNow() - context.IssuedAt <= room.Age
            ? new(GateResult.Pass)
            : new(GateResult.Hold(ChallengeKind.Reauthenticate, $"{VisibleText.Of(context.Target.ToString())} wants a sign-in that is not older than {room.Age:c}; sign in again."));
    }
}
