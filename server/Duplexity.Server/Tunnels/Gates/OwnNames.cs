using System.Text;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>
/// What of a visitor's cookies and query is said to the front and not to the resource. It is read once and taken out before anything is forwarded (G5); the
/// rest stays byte by byte as it came.
/// </summary>
internal static class OwnNames
{
    /// <summary>The cookie by which a person who signed in is known at one host.</summary>
    public const string VisitorCookie = "duplexity-visitor";

    /// <summary>The cookie of who came by a link.</summary>
    public const string LinkCookie = "duplexity-link";

    /// <summary>The secret by which a browser proves that it is the one that left for the sign-in.</summary>
    public const string SignInCookie = "duplexity-sign-in";

    /// <summary>In a query: a link's text.</summary>
    public const string Link = "duplexity-link";

    /// <summary>In a query: who came back from the sign-in.</summary>
    public const string Code = "duplexity-code";

    /// <summary>In a query: why nobody came back.</summary>
    public const string Error = "duplexity-error";

    /// <summary>In a query: where the visitor wanted to go, in Base64Url.</summary>
    public const string To = "duplexity-to";

    private const string Prefix = "duplexity-";

    private static readonly HashSet<string> Cookies = new(StringComparer.OrdinalIgnoreCase) { VisitorCookie, LinkCookie, SignInCookie };
    private static readonly HashSet<string> Parameters = new(StringComparer.OrdinalIgnoreCase) { Link, Code, Error, To };
    private static readonly IReadOnlyDictionary<string, string> Empty = new Dictionary<string, string>();

    /// <summary>Takes our cookies out of a request, and returns them by their whole names.</summary>
    public static IReadOnlyDictionary<string, string> TakeCookies(IHeaderDictionary headers) => CookieHeader.Take(headers, Cookies);

    /// <summary>
    /// How one of our cookies is called at a pipe's host: over https by a name that no other host can set, and only that one is listened to. Over plain http, which a pipe has on a developer's own machine only, such a name would be
    /// kept by some browsers and not by others and by no program, so there it is the plain one.
    /// </summary>
    public static string CookieAt(PipeEntry entry, string name) => (IsSecure(entry) ? CookieHeader.HostPrefix : "") + name;

    /// <summary>Takes our parameters out of a request's target, and returns them.</summary>
    public static IReadOnlyDictionary<string, string> TakeQuery(HttpContext context)
    {
        var request = context.Features.GetRequiredFeature<IHttpRequestFeature>();
        var mark = request.RawTarget.IndexOf('?');
        if (mark < 0 || request.RawTarget.IndexOf(Prefix, mark, StringComparison.OrdinalIgnoreCase) < 0)
        {
            return Empty;
        }

        var (taken, rest) = (new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase), new List<string>());
        foreach (var part in request.RawTarget[(mark + 1)..].Split('&'))
        {
            var equals = part.IndexOf('=');
            if (!Parameters.Contains(equals < 0 ? part : part[..equals]))
            {
                rest.Add(part);
            }
            else if (equals >= 0)
            {
                taken.TryAdd(part[..equals], Uri.UnescapeDataString(part[(equals + 1)..]));
            }
        }

        if (taken.Count > 0)
        {
            request.RawTarget = request.RawTarget[..mark] + (rest.Count == 0 ? "" : "?" + string.Join('&', rest));
        }

        return taken;
    }

    /// <summary>Gives a browser one of our cookies, for this host alone.</summary>
    public static void Give(HttpContext context, PipeEntry entry, string name, string value, TimeSpan lifetime)
    {
        context.Response.Cookies.Append(CookieAt(entry, name), value, new CookieOptions
        {
            HttpOnly = true,
            Secure = IsSecure(entry),
            SameSite = SameSiteMode.Lax,
            Path = "/",
            MaxAge = lifetime,
        });
    }

    /// <summary>Where a target is kept while its visitor signs in.</summary>
    public static string Pack(string target) => System.Buffers.Text.Base64Url.EncodeToString(Encoding.Latin1.GetBytes(target));

    /// <summary>A target that was packed, at this host in any case.</summary>
    public static string Unpack(string? packed)
    {
        return Here(packed is { Length: > 0 } && System.Buffers.Text.Base64Url.IsValid(packed) ? Encoding.Latin1.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(packed)) : "/");
    }

    /// <summary>A target to which a browser may be sent, at this host in any case.</summary>
    public static string Here(string target)
    {
        // "//elsewhere" and "/\elsewhere" are other hosts to a browser.
        return target is ['/'] || (target is ['/', not ('/' or '\\'), ..] && !target.Any(char.IsControl)) ? target : "/";
    }

    private static bool IsSecure(PipeEntry entry) => entry.Url.StartsWith("https:", StringComparison.Ordinal);
}
