using System.Globalization;

namespace Duplexity.Cli.Output;

/// <summary>What a client may do, in a few words.</summary>
internal static class AllowanceLine
{
    public static string Text(Allowances allowances)
    {
        string?[] parts =
        [
            Scope("send", allowances.Send), Scope("receive", allowances.Receive), Scope("join", allowances.Join), Scope("publish", allowances.Publish), Scope("administer", allowances.Administer),
            Rate(allowances.Limits),
        ];
        return parts.OfType<string>().ToArray() is { Length: > 0 } said ? "may " + string.Join(" · ", said) : "may nothing";
    }

    private static string? Scope(string verb, string[]? patterns) => patterns is { Length: > 0 } ? $"{verb} {string.Join(' ', patterns)}" : null;

    private static string? Rate(AllowanceLimits? limits)
    {
        string?[] rates = [Of(limits?.Messages, "messages"), Of(limits?.Bytes, "bytes")];
        var within = TimeSpan.FromMilliseconds(limits?.WindowMs ?? 10_000).TotalSeconds;
        return rates.OfType<string>().ToArray() is { Length: > 0 } said ? string.Create(CultureInfo.InvariantCulture, $"{string.Join(" and ", said)} in {within:0.###} s") : null;
    }

    private static string? Of(int? limit, string what) => limit is { } most ? string.Create(CultureInfo.InvariantCulture, $"{most} {what}") : null;
}
