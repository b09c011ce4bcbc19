namespace Duplexity.Server.Pipes;

/// <summary>The gates that an operator set: what stands before those of the application, and what stands behind. Immutable.</summary>
internal sealed class GateSettings(DuplexityOptions options, GateHttp http, TimeProvider time)
{
    /// <summary>A fresh sign-in, where a room wants one: before anything else is asked.</summary>
    public IEnumerable<GateRegistration> First => options.Rooms.Values.Any(r => r?.Reauthenticate is not null)
        ? [new("reauthenticate", Step.Entry, "room:*", _ => new ReauthenticateGate(new RoomPatterns(options), time))]
        : [];

    /// <summary>Gates over HTTP, by name.</summary>
    public IEnumerable<GateRegistration> Last => options.Gates
        .OrderBy(g => g.Key, StringComparer.Ordinal)
        .Select(g => GateRegistration.Of(g.Key, g.Value.Step, g.Value.Pattern!, _ => new HttpGate(g.Key, g.Value, http, time)));
}
