using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Duplexity.Server.Tunnels;

/// <summary>What is taken away from a visitor's headers, and what is set afresh, before anything looks at them (G13, G15).</summary>
internal sealed class VisitorHeaders(PeerAddresses peers)
{
    private const string Own = "duplexity-";
    private const string Forwarded = "x-forwarded-";

    // Framing and routing are never a visitor's to take away by naming them in Connection.
    private static readonly HashSet<string> Kept = new(StringComparer.OrdinalIgnoreCase) { "close", "keep-alive", "upgrade", "te", "host", "content-length", "transfer-encoding", "content-type" };

    /// <summary>Whether the connection is a trusted proxy's, which carries many visitors.</summary>
    public bool IsFromProxy(HttpContext context) => peers.IsFromProxy(context);

    public void Clean(HttpContext context)
    {
        var headers = context.Request.Headers;
        var remote = PeerAddresses.Remote(context);
        var trusted = IsFromProxy(context);
        var before = trusted ? headers["X-Forwarded-For"] : default;
        var host = trusted ? headers["X-Forwarded-Host"] : default;
        var scheme = trusted ? headers["X-Forwarded-Proto"] : default;

        foreach (var option in headers.GetCommaSeparatedValues(HeaderNames.Connection))
        {
            if (!Kept.Contains(option))
            {
                headers.Remove(option);
            }
        }

        foreach (var name in headers.Keys.ToArray())
        {
            if (IsOurs(name))
            {
                headers.Remove(name);
            }
        }

        if (headers.TransferEncoding.Count > 0)
        {
            headers.Remove("X-Content-Length"); // Kestrel's note of a length that stood beside the chunks and counts for nothing
        }

        if (context.Features.Get<Replay>() is { } replay)
        {
            headers[Replay.Header] = replay.Id;
        }

        // Another conversation could begin behind the gates: only WebSockets may.
        if (!IsWebSocket(headers.Upgrade))
        {
            headers.Remove(HeaderNames.Upgrade);
            headers.Remove("HTTP2-Settings");
        }

        headers["X-Forwarded-For"] = StringValues.IsNullOrEmpty(before) ? remote?.ToString() : $"{before}, {remote}";
        headers["X-Forwarded-Host"] = StringValues.IsNullOrEmpty(host) ? context.Request.Host.Value : host;
        headers["X-Forwarded-Proto"] = StringValues.IsNullOrEmpty(scheme) ? context.Request.Scheme : scheme;
    }

    /// <summary>Whether a name is one of the service's own.</summary>
    public static bool IsOwn(string name) => name.Replace('_', '-').StartsWith(Own, StringComparison.OrdinalIgnoreCase);

    public static bool IsWebSocket(StringValues upgrade) => upgrade.Count == 1 && string.Equals(upgrade[0], "websocket", StringComparison.OrdinalIgnoreCase);

    /// <summary>CGI, WSGI and PHP take <c>_</c> for <c>-</c>, so it is the same name.</summary>
    public static bool IsOurs(string name)
    {
        var folded = name.Replace('_', '-');
        return IsOwn(name)
            || folded.StartsWith(Forwarded, StringComparison.OrdinalIgnoreCase)
            || folded.Equals("forwarded", StringComparison.OrdinalIgnoreCase);
    }
}
