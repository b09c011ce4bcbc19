namespace Duplexity;

/// <summary>One request of a visitor at a public pipe, or one visitor connection of a TCP pipe.</summary>
/// <param name="At">When it began.</param>
/// <param name="Method">The HTTP method as the visitor sent it, null for TCP. Show it through <see cref="VisibleText"/>.</param>
/// <param name="Target">Path and query as the visitor sent them, cut at 256 characters; null for TCP. Show it through <see cref="VisibleText"/>.</param>
/// <param name="Status">The answer's status; null for TCP.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="LeftOut">How many exchanges before this one were left out, because somebody was too slow to be told of each.</param>
public sealed record Exchange(DateTimeOffset At, string? Method, string? Target, int? Status, TimeSpan Duration, int LeftOut);
