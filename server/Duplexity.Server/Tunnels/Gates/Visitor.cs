using System.Net;
using System.Text;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>One visitor request at the gates: what it says of itself, and what of that has been found true.</summary>
internal sealed class Visitor
{
    private readonly string? _host;
    private (string User, string Password)? _basic;

    private Visitor(HttpContext context, IPAddress address)
    {
        (Context, Address) = (context, address);
        Query = OwnNames.TakeQuery(context);
        Cookies = OwnNames.TakeCookies(context.Request.Headers);
        (Method, Target) = (context.Request.Method, FrontTransform.TargetOf(context));
        _host = PipeNames.KeyOf(context.Request.Host.Host) is { } host && Uri.CheckHostName(host) == UriHostNameType.Dns ? host : null;
    }

    public HttpContext Context { get; }

    /// <summary>Where it comes from, the operator's proxies believed.</summary>
    public IPAddress Address { get; }

    /// <summary>What its query said to the front.</summary>
    public IReadOnlyDictionary<string, string> Query { get; }

    /// <summary>What its cookies said to the front, by their whole names.</summary>
    public IReadOnlyDictionary<string, string> Cookies { get; }

    /// <summary>Who it is; null: nobody known.</summary>
    public Identity? Identity { get; set; }

    /// <summary>Whether it brought a token or a key, and no cookie.</summary>
    public bool IsByToken { get; set; }

    /// <summary>The user whose password it knew; null: none that was asked for.</summary>
    public string? User { get; set; }

    /// <summary>The link that it came by; null: none that is good.</summary>
    public VisitorLink? Link { get; set; }

    public string Method { get; }

    /// <summary>Path and query, ours taken out.</summary>
    public string Target { get; }

    /// <summary>What it may use; null: it has not been asked yet.</summary>
    public Allotment? Allotment { get; set; }

    /// <summary>Whether a person looks at what is answered, and can be sent elsewhere.</summary>
    public bool IsBrowsing => (HttpMethods.IsGet(Method) || HttpMethods.IsHead(Method)) && !VisitorHeaders.IsWebSocket(Context.Request.Headers.Upgrade)
        && Context.Request.Headers.Accept.Any(a => a?.Contains("text/html", StringComparison.OrdinalIgnoreCase) == true);

    /// <summary>The visitor of a request: asked again, the same.</summary>
    public static Visitor Of(HttpContext context, PeerAddresses peers)
    {
        if (context.Features.Get<Visitor>() is { } there)
        {
            return there;
        }

        var visitor = new Visitor(context, peers.Of(context));
        context.Features.Set(visitor);
        return visitor;
    }

    /// <summary>The host at which it visits a pipe: under a wildcard the one by which it came, for what a browser is given, and what a resource is told, is for one host alone (G5).</summary>
    public string HostAt(PipeEntry entry) => NameTree.IsWildcard(entry.Name) && _host is not null ? _host : entry.Name;

    /// <summary>What it has shown to be, for where one visitor's must not be taken for another's; null: nobody known. An address is nobody: many share one, and senders have several.</summary>
    public string? KnownAt(PipeEntry entry) => Identity is { } identity ? $"client:{identity.Client}"
        : User is not null ? $"user:{User}"
        : Link is not null ? $"link:{Query.GetValueOrDefault(OwnNames.Link) ?? Cookie(entry, OwnNames.LinkCookie)}"
        : null;

    /// <summary>What one of our cookies says, under the name that it has at a pipe; null: nothing.</summary>
    public string? Cookie(PipeEntry entry, string name) => Cookies.GetValueOrDefault(OwnNames.CookieAt(entry, name));

    /// <summary>User and password of the Authorization header; null where there are none. Also after <see cref="TakeAuthorization"/>.</summary>
    public (string User, string Password)? Basic() => _basic ??= ReadBasic();

    private (string User, string Password)? ReadBasic()
    {
        if (Credential("Basic ") is not { } encoded)
        {
            return null;
        }

        try
        {
            var pair = Encoding.UTF8.GetString(Convert.FromBase64String(encoded));
            var colon = pair.IndexOf(':');
            return colon < 0 ? null : (pair[..colon], pair[(colon + 1)..]);
        }
        catch (FormatException)
        {
            return null; // what a stranger typed
        }
    }

    /// <summary>The bearer's token or key; null where there is none.</summary>
    public string? Bearer() => Credential("Bearer ");

    /// <summary>The credential was ours: the resource has no business with it.</summary>
    public void TakeAuthorization() => Context.Request.Headers.Remove(HeaderNames.Authorization);

    /// <summary>
    /// Whether a cookie may speak for it: the request is from a page of this very host, or a person's own step to it. All pipes are one site to a browser, and SameSite holds none of them back from
    /// another (G5); Origin and Sec-Fetch-* do, which no page can set.
    /// </summary>
    public bool IsFromOwnPage(PipeEntry entry)
    {
        var headers = Context.Request.Headers;
        if (headers.Origin is { Count: > 0 } origin)
        {
            return origin is [{ } text] && Uri.TryCreate(text, UriKind.Absolute, out var uri)
                && (uri.Authority.Equals(Context.Request.Host.Value, StringComparison.OrdinalIgnoreCase) || text.Equals(entry.Url.TrimEnd('/'), StringComparison.OrdinalIgnoreCase));
        }

        if (VisitorHeaders.IsWebSocket(headers.Upgrade))
        {
            return false; // browsers always say where it is from
        }

        var site = headers["Sec-Fetch-Site"];
        return site.Count == 0 || site is ["same-origin" or "none"]
            || (headers["Sec-Fetch-Mode"] is ["navigate"] && headers["Sec-Fetch-Dest"] is ["document"] && (HttpMethods.IsGet(Method) || HttpMethods.IsHead(Method)));
    }

    private string? Credential(string scheme) => Context.Request.Headers.Authorization is [{ Length: < 32 * 1024 } header] && header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase)
        ? header[scheme.Length..].Trim()
        : null;
}
