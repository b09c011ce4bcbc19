using Duplexity.Protocol;

namespace Duplexity;

/// <summary>One step of <see cref="Room.WatchPresenceAsync"/>. Immutable.</summary>
/// <param name="Now">Who is there after it.</param>
/// <param name="Joined">Sockets that came since the step before, by client; with the first step all that are there.</param>
/// <param name="Left">Sockets that left since the step before, with the reason where it was not their wish.</param>
/// <param name="Arrived">Clients that came with their first socket.</param>
/// <param name="Gone">Clients that left with their last socket.</param>
/// <param name="IsAsked">Whether the server was asked for all of it: at first, after a reconnect, and where a change was missed. What came and went in between is not told then.</param>
public sealed record PresenceChange(
    Presence Now, IReadOnlyList<Member> Joined, IReadOnlyList<Departure> Left, IReadOnlyList<string> Arrived, IReadOnlyList<string> Gone, bool IsAsked);
