namespace Duplexity.Server.Engine;

/// <summary>How public names stand above and below each other: <c>shop.example.org</c> and <c>*.shop.example.org</c> are above <c>a.shop.example.org</c>. What is so related has one owner (G7).</summary>
internal static class NameTree
{
    /// <summary>The most labels of a hostname that can be a pipe's: what is looked up for a visitor grows with them, and a visitor chooses the host.</summary>
    public const int MostLabels = 10;

    private const string Asterisk = "*.";

    /// <summary>Whether a name stands for all below it.</summary>
    public static bool IsWildcard(string name) => name.StartsWith(Asterisk, StringComparison.Ordinal);

    /// <summary>A name without its asterisk.</summary>
    public static string RootOf(string name) => IsWildcard(name) ? name[Asterisk.Length..] : name;

    /// <summary>The wildcard of a name.</summary>
    public static string WildcardOf(string root) => Asterisk + root;

    /// <summary>The wildcards that cover a host, longest first.</summary>
    public static IEnumerable<string> WildcardsOver(string host)
    {
        if (host.Length == 0 || StandsAlone(host) || host.Count(c => c == '.') >= MostLabels)
        {
            yield break;
        }

        for (var dot = host.IndexOf('.'); dot >= 0; dot = host.IndexOf('.', dot + 1))
        {
            yield return WildcardOf(host[(dot + 1)..]);
        }
    }

    /// <summary>What <see cref="PipeEntry.Tree"/> says of a hostname: itself and the names above it, up to the label below <paramref name="domain"/>, or where it is not under that, up to two labels.</summary>
    public static string Of(string name, string domain)
    {
        var root = RootOf(name);
        if (root == domain || StandsAlone(root))
        {
            // The wildcard of the whole domain stands behind all names, and over none of them.
            return "";
        }

        var end = root.EndsWith(domain, StringComparison.Ordinal) && root[^(domain.Length + 1)] == '.' ? domain.Count(c => c == '.') + 1 : 1;
        var labels = root.Split('.');
        return string.Join(' ', Enumerable.Range(0, Math.Max(1, labels.Length - end)).Select(i => string.Join('.', labels[i..])));
    }

    // A port, or a private pipe's name, which is among its owner's.
    private static bool StandsAlone(string name) => name[0] == ':' || name.Contains('/');
}
