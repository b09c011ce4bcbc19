using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>
/// Which pages may use the service. CORS does not hold a browser back from opening a WebSocket, so the Origin itself is checked, before any upgrade (G5).
/// </summary>
internal sealed class BrowserOrigins
{
    private readonly HashSet<string> _allowed;
    private readonly bool _allowsLoopback;
    private readonly string? _own;

    public BrowserOrigins(IOptions<DuplexityOptions> options, IHostEnvironment environment)
    {
        var urls = new[] { options.Value.Url, options.Value.Node.Url }.OfType<Uri>().Select(url => url.GetLeftPart(UriPartial.Authority));
        _allowed = [.. options.Value.Origins.Concat(urls).Select(Canonical).OfType<string>()];
        _allowsLoopback = environment.IsDevelopment();
        _own = options.Value.Url?.GetLeftPart(UriPartial.Authority);
    }

    /// <summary>
    /// Whether <paramref name="request"/> is from a page that may use the service, or from no page at all: browsers put an Origin on every upgrade and on every
    /// request to another site that can carry a token. The request's host must be known to be the service's own, or a page under a rebound name would be "ours".
    /// </summary>
    public bool IsAllowed(HttpRequest request)
    {
        var header = request.Headers.Origin;
        if (header.Count == 0)
        {
            return true;
        }

        // More than one, "null" (a sandboxed frame, a file) and what is no origin at all have no canonical form.
        return header is [{ } text] && Canonical(text) is { } origin
            && (Knows(origin) || origin == Canonical($"{request.Scheme}://{request.Host}"));
    }

    /// <summary>The service's own origin: where browsers reach it, whatever a proxy in between makes of the request; where no address is configured, as the request says.</summary>
    public string Own(HttpRequest request) => _own ?? $"{request.Scheme}://{request.Host}";

    /// <summary>Where browsers reach the service at whose <c>/auth</c> they ask, prefix included, without a slash at the end.</summary>
    public string BaseOf(HttpRequest request)
    {
        var path = $"{request.PathBase}{request.Path}/";
        return Own(request) + path[..path.LastIndexOf("/auth/", StringComparison.OrdinalIgnoreCase)];
    }

    /// <summary>Whether pages of an origin (in canonical form) may use the service.</summary>
    public bool Knows(string origin) => _allowed.Contains(origin) || (_allowsLoopback && IsLoopback(origin));

    /// <summary>An origin as browsers write it: scheme, punycode host, and the port unless it is the scheme's own; null for what is not an origin.</summary>
    public static string? Canonical(string? text) =>
        text is not null && !text.Contains('*') && Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
        && uri.Host.Length > 0 && uri.PathAndQuery is "/" && uri.UserInfo == "" && uri.Fragment == "" && !text.EndsWith('/')
            ? $"{uri.Scheme}://{(uri.HostNameType == UriHostNameType.IPv6 ? $"[{uri.IdnHost}]" : uri.IdnHost)}{(uri.IsDefaultPort ? "" : $":{uri.Port}")}".ToLowerInvariant()
            : null;

    // Any port, for development servers; but not *.localhost, where pipes are.
    private static bool IsLoopback(string origin) => new Uri(origin) is var uri && ServiceHosts.IsLoopback(uri.HostNameType == UriHostNameType.IPv6 ? $"[{uri.IdnHost}]" : uri.IdnHost);
}
