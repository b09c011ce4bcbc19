using System.Text;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Tunnels;

/// <summary>Who may dial a private pipe: its owner, and whom one of its rules lets in, <c>signed-in</c> or <c>client:PATTERN</c>, with commas between them.</summary>
internal static class DialRules
{
    private const string Everybody = "signed-in";
    private const string OneClient = "client:";
    private const int Longest = 1024;

    /// <summary>Whether <paramref name="client"/> may dial it.</summary>
    public static bool May(PipeEntry entry, string client) => PrivateNames.IsPrivate(entry.Name) && (entry.Client == client || Split(entry.Settings.Visitors).Any(rule => Covers(rule, client)));

    /// <summary>What is wrong with the rules of a private pipe; null: nothing.</summary>
    public static DuplexityError? Problem(string? visitors) =>
        (visitors?.Length ?? 0) <= Longest && Split(visitors).All(rule => rule == Everybody || (rule.StartsWith(OneClient, StringComparison.Ordinal) && rule.Length > OneClient.Length))
            ? null
            : DuplexityError.Of(
                Errors.InvalidPipe, $"'{VisibleText.Of(visitors, 128)}': a private pipe is for its owner, for all who are signed in (signed-in) or for some (client:bob, client:team-*), with commas between; {Longest} characters at most.");

    private static IEnumerable<string> Split(string? visitors) => visitors is null ? [] : visitors.Split(',', StringSplitOptions.TrimEntries);

    private static bool Covers(string rule, string client) => rule == Everybody || Pattern.Matches(rule[OneClient.Length..].Normalize(NormalizationForm.FormC), client);
}
