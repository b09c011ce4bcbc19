using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Takes cookies that are said to the front, and to no resource, out of a request (G5). Servers read odd headers in several ways, so whatever one of them could take for such a cookie goes; the rest stays byte by byte as it came.
/// </summary>
internal static class CookieHeader
{
    /// <summary>What names begin with that a browser takes over https from the host itself and from no other (RFC 6265bis, 4.1.3.2).</summary>
    public const string HostPrefix = "__Host-";

    private const string Own = "duplexity-";

    private static readonly IReadOnlyDictionary<string, string> Nothing = new Dictionary<string, string>();

    /// <summary>
    /// Takes out the cookies of these names, in any case, behind <see cref="HostPrefix"/> too, and also where they are a name alone. Returns the values of those that are spelt as they were given, by their whole names; of several of one name
    /// the first.
    /// </summary>
    /// <param name="headers">The request's.</param>
    /// <param name="names">Without prefix; they compare without regard to case, and begin with <c>duplexity-</c>.</param>
    public static IReadOnlyDictionary<string, string> Take(IHeaderDictionary headers, IReadOnlySet<string> names)
    {
        var lines = headers.Cookie;
        if (!lines.Any(line => line?.Contains(Own, StringComparison.OrdinalIgnoreCase) == true))
        {
            return Nothing;
        }

        var (taken, left) = (new Dictionary<string, string>(StringComparer.Ordinal), new List<string?>());
        foreach (var line in lines)
        {
            var all = (line ?? "").Split(';');
            string[] kept = [.. all.Where(part => !TryTake(part, names, taken))];
            if (kept.Length == all.Length)
            {
                left.Add(line);
            }
            else if (!kept.All(string.IsNullOrWhiteSpace))
            {
                left.Add(string.Join(';', kept).TrimStart());
            }
        }

        headers.Cookie = new StringValues([.. left]);
        return taken;
    }

    private static bool TryTake(string part, IReadOnlySet<string> names, Dictionary<string, string> taken)
    {
        var equals = part.IndexOf('=');
        var name = (equals < 0 ? part : part[..equals]).Trim();
        if (!names.Contains(name.StartsWith(HostPrefix, StringComparison.OrdinalIgnoreCase) ? name[HostPrefix.Length..] : name))
        {
            return false;
        }

        if (equals >= 0)
        {
            var value = part[(equals + 1)..].Trim();
            taken.TryAdd(name, value is ['"', .. var quoted, '"'] ? quoted : value);
        }

        return true;
    }
}
