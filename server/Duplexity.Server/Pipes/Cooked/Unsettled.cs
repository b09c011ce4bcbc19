namespace Duplexity.Server.Pipes.Cooked;

/// <summary>An edge that did not take a message, and why. One that is no address stands for all: they were not chosen yet.</summary>
internal readonly record struct EdgeRefusal(Address Edge, DuplexityError Why);

/// <summary>What is left of a message for another try: the edges that could not take it just now. The others are settled, whether they took it or never will. Immutable.</summary>
/// <param name="Refusals">The edges.</param>
/// <param name="Budget">What all behind each of them may make of the message; null: no edge was asked yet.</param>
internal sealed record Unsettled(IReadOnlyList<EdgeRefusal> Refusals, int? Budget)
{
    public IReadOnlyList<Address> Edges => [.. Refusals.Select(r => r.Edge)];

    /// <summary>How long their rates and the engine ask to wait, which is as long as it takes; null: none of them is here for that.</summary>
    public TimeSpan? Wait(TimeSpan pause)
    {
        TimeSpan[] waits = [.. Refusals.Where(r => !IsCounted(r.Why)).Select(r => r.Why.RetryAfterMs is { } ms ? TimeSpan.FromMilliseconds(Math.Max(ms, 1)) : pause)];
        return waits.Length == 0 ? null : waits.Min();
    }

    /// <summary>Those that are tried so many times and not for ever: a gate of theirs could not judge.</summary>
    public IReadOnlyList<EdgeRefusal> Counted => [.. Refusals.Where(r => IsCounted(r.Why))];

    /// <summary>The same without <see cref="Counted"/>; null: nothing is left.</summary>
    public Unsettled? WithoutCounted() => Refusals.Where(r => !IsCounted(r.Why)).ToArray() is { Length: > 0 } rest ? this with { Refusals = rest } : null;

    /// <summary>The owner could not read the message just now.</summary>
    public static Unsettled BeforeAnyEdge(DuplexityError why) => new([new(default, why)], null);

    /// <summary>Whether another try may end otherwise.</summary>
    public static bool IsForNow(DuplexityError why) => why.Is(Errors.OutcomeUnknown) || why.Is(Errors.Unavailable) || (why.Is(Errors.RateLimited) && why.RetryAfterMs is not null);

    private static bool IsCounted(DuplexityError why) => why.Is(Errors.Unavailable);
}
