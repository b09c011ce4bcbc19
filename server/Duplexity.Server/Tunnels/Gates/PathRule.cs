namespace Duplexity.Server.Tunnels.Gates;

/// <summary>Whether a path is at or below another one, as a resource would see it too: what two servers may read in two ways is below none.</summary>
internal static class PathRule
{
    public const int MaxLength = 1024;

    /// <summary>Whether it can be one: what <see cref="Covers"/> would refuse everything below is none.</summary>
    public static bool IsPath(string path) => path.Length is > 0 and <= MaxLength && path[0] == '/' && path.All(c => c is > ' ' and < '\x7f' && c is not ('?' or '#')) && IsPlain(path);

    /// <summary>Whether a request's raw target is at or below a path.</summary>
    public static bool Covers(string path, string target)
    {
        var end = target.AsSpan().IndexOfAny('?', '#');
        var asked = end < 0 ? target : target[..end];
        var trimmed = path.TrimEnd('/');
        return IsPlain(asked) && asked.StartsWith(trimmed, StringComparison.Ordinal) && (asked.Length == trimmed.Length || asked[trimmed.Length] == '/');
    }

    private static bool IsPlain(string path) => !path.Contains('\\') && !path.Contains("//", StringComparison.Ordinal)
        && !path.Contains("%2f", StringComparison.OrdinalIgnoreCase) && !path.Contains("%5c", StringComparison.OrdinalIgnoreCase) && !path.Contains("%2e", StringComparison.OrdinalIgnoreCase)
        && !path.Contains("%25", StringComparison.Ordinal) && !path.Split('/').Any(segment => segment.Split(';')[0] is "." or "..");
}
