namespace Duplexity.Server.Pipes;

/// <summary>A pattern of <see cref="Allowances"/>: <c>*</c> stands for any run of characters, everything else for itself. Without regular expressions, in time that grows with text × pattern at most (G24).</summary>
internal static class Pattern
{
    /// <summary>The longest pattern in characters: no address is longer.</summary>
    public const int MaxLength = Address.MaxBytes;

    /// <summary>Whether <paramref name="text"/> is what <paramref name="pattern"/> describes. A pattern is a text too: one that is matched by another describes no more than that.</summary>
    public static bool Matches(string pattern, string text)
    {
        var (p, t, star, mark) = (0, 0, -1, 0);
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, mark) = (p++, t);
            }
            else if (p < pattern.Length && pattern[p] == text[t])
            {
                (p, t) = (p + 1, t + 1);
            }
            else if (star >= 0)
            {
                (p, t) = (star + 1, ++mark);
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == '*')
        {
            p++;
        }

        return p == pattern.Length;
    }

    /// <summary>Whether one of the patterns describes <paramref name="text"/>.</summary>
    public static bool AnyMatches(string[] patterns, string text)
    {
        foreach (var pattern in patterns)
        {
            if (Matches(pattern, text))
            {
                return true;
            }
        }

        return false;
    }
}
