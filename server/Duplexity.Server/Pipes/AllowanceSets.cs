using System.Text;

namespace Duplexity.Server.Pipes;

/// <summary>How allowances of several sources become one: what a role or another one gives, what is left of it, and whether it can be read at all.</summary>
internal static class AllowanceSets
{
    /// <summary>All there is.</summary>
    public static Allowances Everything { get; } = new() { Send = ["*"], Receive = ["*"], Join = ["*"], Publish = ["*"], Administer = ["*"] };

    /// <summary>What any of two gives: for somebody with several roles. What neither speaks of stays open.</summary>
    public static Allowances Union(Allowances one, Allowances other) => new()
    {
        Send = Either(one.Send, other.Send),
        Receive = Either(one.Receive, other.Receive),
        Join = Either(one.Join, other.Join),
        Publish = Either(one.Publish, other.Publish),
        Administer = Either(one.Administer, other.Administer),
        Limits = Merge(one.Limits, other.Limits, Math.Max, First),
    };

    /// <summary>
    /// What both give. Of two patterns the narrower one stays; two that only overlap, such as <c>room:a*</c> and <c>room:*z</c>, fall out: never wider than either.
    /// </summary>
    public static Allowances Intersection(Allowances one, Allowances? other) => other is null ? one : new()
    {
        Send = Both(one.Send, other.Send),
        Receive = Both(one.Receive, other.Receive),
        Join = Both(one.Join, other.Join),
        Publish = Both(one.Publish, other.Publish),
        Administer = Both(one.Administer, other.Administer),
        Limits = Merge(one.Limits, other.Limits, Math.Min, Longer),
    };

    /// <summary>What <paramref name="first"/> says, and where it says nothing, what <paramref name="fallback"/> does.</summary>
    public static Allowances Or(Allowances? first, Allowances fallback) => first is null ? fallback : new()
    {
        Send = first.Send ?? fallback.Send,
        Receive = first.Receive ?? fallback.Receive,
        Join = first.Join ?? fallback.Join,
        Publish = first.Publish ?? fallback.Publish,
        Administer = first.Administer ?? fallback.Administer,
        Limits = Merge(first.Limits, fallback.Limits, (said, _) => said, First),
    };

    /// <summary>What is wrong with allowances that came from outside; null: nothing.</summary>
    public static string? Problem(Allowances allowances)
    {
        (string Name, string[]? Patterns)[] scopes =
        [
            ("send", allowances.Send), ("receive", allowances.Receive), ("join", allowances.Join), ("publish", allowances.Publish), ("administer", allowances.Administer),
        ];
        foreach (var (name, patterns) in scopes)
        {
            if (patterns?.Length > Allowances.MaxPatterns)
            {
                return $"{name} has {patterns.Length} patterns; at most {Allowances.MaxPatterns} are possible";
            }

            if (patterns is not null && Array.FindIndex(patterns, p => !IsPattern(p)) is >= 0 and var bad)
            {
                return $"{name} has \"{VisibleText.Of(patterns[bad], 64)}\", which is no pattern: 1 to {Pattern.MaxLength} characters, without white space and control characters";
            }
        }

        if (allowances.Limits is not { } limits)
        {
            return null;
        }

        (string Name, int? Value)[] counts =
        [
            ("messages", limits.Messages), ("bytes", limits.Bytes), ("messageBytes", limits.MessageBytes), ("rooms", limits.Rooms), ("sockets", limits.Sockets), ("pipes", limits.Pipes),
            ("usersPerRoom", limits.UsersPerRoom),
        ];
        return Array.Find(counts, c => c.Value < 0) is { Name: { } negative, Value: not null } ? $"the limit {negative} is negative"
            : limits.WindowMs is <= 0 or > 86_400_000 ? "the limit windowMs is not between 1 and 86,400,000 (a day)"
            : null;
    }

    private static bool IsPattern(string? pattern) =>
        pattern is { Length: > 0 and <= Pattern.MaxLength } && !pattern.EnumerateRunes().Any(rune => Rune.IsControl(rune) || Rune.IsWhiteSpace(rune));

    private static string[]? Either(string[]? one, string[]? other) => one is null ? other : other is null ? one : [.. one.Union(other, StringComparer.Ordinal)];

    private static string[]? Both(string[]? one, string[]? other) => one is null ? other : other is null ? one
        : [.. one.Where(p => Pattern.AnyMatches(other, p)).Union(other.Where(p => Pattern.AnyMatches(one, p)), StringComparer.Ordinal)];

    /// <summary>The first one's window, its default of ten seconds included: a shorter window would be a higher rate.</summary>
    private static int? First(AllowanceLimits one, AllowanceLimits other) => HasRates(one) ? one.WindowMs : one.WindowMs ?? other.WindowMs;

    /// <summary>The longer one of two windows with rates: the lower of two rates does not become a higher one by the other's window.</summary>
    private static int? Longer(AllowanceLimits one, AllowanceLimits other) => !HasRates(other) ? First(one, other) : !HasRates(one) ? other.WindowMs : Math.Max(Window(one), Window(other));

    private static int Window(AllowanceLimits limits) => limits.WindowMs ?? (int)AllowanceRules.DefaultWindow.TotalMilliseconds;

    private static AllowanceLimits? Merge(AllowanceLimits? one, AllowanceLimits? other, Func<int, int, int> choose, Func<AllowanceLimits, AllowanceLimits, int?> window) => one is null ? other : other is null ? one : new()
    {
        Messages = Merge(one.Messages, other.Messages, choose),
        Bytes = Merge(one.Bytes, other.Bytes, choose),

        WindowMs = window(one, other),
        MessageBytes = Merge(one.MessageBytes, other.MessageBytes, choose),
        Rooms = Merge(one.Rooms, other.Rooms, choose),
        Sockets = Merge(one.Sockets, other.Sockets, choose),
        Pipes = Merge(one.Pipes, other.Pipes, choose),
        UsersPerRoom = Merge(one.UsersPerRoom, other.UsersPerRoom, choose),
    };

    private static bool HasRates(AllowanceLimits limits) => limits.Messages is not null || limits.Bytes is not null;

    private static int? Merge(int? one, int? other, Func<int, int, int> choose) => one is null ? other : other is null ? one : choose(one.Value, other.Value);
}
