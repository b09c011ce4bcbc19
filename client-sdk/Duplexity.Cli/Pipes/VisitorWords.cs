using System.Security.Cryptography;

namespace Duplexity.Cli.Pipes;

/// <summary>The rules of <c>--visitors</c>, and of <c>visitors</c> in <c>duplexity.json</c>. The server reads them; here only passwords that nobody has named are made up.</summary>
internal static class VisitorWords
{
    private const string Basic = "basic:";

    // Without what is mistaken for something else when it is read out; 16 of 32 letters are 80 bits.
    private const string Letters = "abcdefghjkmnpqrstuvwxyz23456789x";

    /// <summary>Rules of several options, each with commas between them.</summary>
    public static IReadOnlyList<string>? Of(IReadOnlyCollection<string>? options) => options is null or { Count: 0 }
        ? null
        : [.. options.SelectMany(o => o.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];

    /// <summary>The rules with a password for each user that has none; <paramref name="tell"/> is told of it, once.</summary>
    public static IReadOnlyList<string>? Complete(IReadOnlyList<string>? rules, Action<string, string> tell) => rules is null ? null : [.. rules.Select(rule =>
    {
        if (!rule.StartsWith(Basic, StringComparison.Ordinal) || rule.IndexOf(':', Basic.Length) >= 0)
        {
            return rule;
        }

        var password = RandomNumberGenerator.GetString(Letters, 16);
        tell(rule[Basic.Length..], password);
        return $"{rule}:{password}";
    })];
}
