using System.Net.Http.Headers;
using Duplexity.Protocol;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels;

/// <summary>Headers that a pipe sets or removes: which it may, and how they are applied.</summary>
internal static class HeaderRules
{
    // Both parsers must see the same message and the same host, whatever a pipe asks for (G13); hop-by-hop fields are each connection's own.
    private static readonly HashSet<string> Fixed = new(StringComparer.OrdinalIgnoreCase)
    {
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade", "expect", "http2-settings",
    };

    // What follows a body may not change what was decided before it came (RFC 9110, 6.5.1).
    private static readonly HashSet<string> NotBehindBody = new(StringComparer.OrdinalIgnoreCase)
    {
        "authorization", "cookie", "set-cookie", "content-type", "content-encoding", "content-range", "cache-control", "max-forwards", "range", "forwarded",
    };

    /// <summary>Whether a header is one that no pipe may touch.</summary>
    public static bool IsFixed(string name) => Fixed.Contains(name) || VisitorHeaders.IsOwn(name);

    /// <summary>Whether a visitor's trailer is passed on.</summary>
    public static bool MayFollowBody(string name) => !Fixed.Contains(name) && !NotBehindBody.Contains(name) && !VisitorHeaders.IsOurs(name);

    /// <summary>Sets and removes what the resource gets.</summary>
    public static void Apply(PipeHeader[]? rules, HttpRequestMessage request)
    {
        foreach (var rule in rules ?? [])
        {
            Remove(request.Headers, rule.Name!);
            Remove(request.Content?.Headers, rule.Name!);
            if (rule.Value is { } value && !request.Headers.TryAddWithoutValidation(rule.Name!, value))
            {
                request.Content?.Headers.TryAddWithoutValidation(rule.Name!, value); // one that speaks of a body, which there is none of otherwise
            }
        }
    }

    /// <summary>Sets and removes what the visitor gets.</summary>
    public static void Apply(PipeHeader[]? rules, IHeaderDictionary answer)
    {
        foreach (var rule in rules ?? [])
        {
            answer.Remove(rule.Name!);
            if (rule.Value is { } value)
            {
                answer[rule.Name!] = value;
            }
        }
    }

    // Removing one of the other kind throws.
    private static void Remove(HttpHeaders? headers, string name)
    {
        if (headers?.NonValidated.Contains(name) == true)
        {
            headers.Remove(name);
        }
    }
}
