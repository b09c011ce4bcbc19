using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace Duplexity.Server.Tunnels;

/// <summary>Makes the resource's request out of a visitor's: the target byte by byte as it came, the Host header as the pipe wants it.</summary>
internal sealed class FrontTransform(Visit visit, Way way) : HttpTransformer
{
    /// <summary>Any authority will do: the carrier is chosen already, and the Host header is set below.</summary>
    public const string Prefix = "http://pipe";

    private static readonly UriCreationOptions AsItIs = new() { DangerousDisablePathAndQueryCanonicalization = true };

    public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        proxyRequest.RequestUri = new Uri(Prefix + way.Target, in AsItIs);
        proxyRequest.Options.Set(Visit.Key, visit);
        HeaderRules.Apply(way.Entry.Settings.RequestHeaders, proxyRequest);
        if (way.Route is { Strip: true, Path: var prefix })
        {
            proxyRequest.Headers.TryAddWithoutValidation("X-Forwarded-Prefix", prefix);
        }

        proxyRequest.Headers.Host = way.HostOf(httpContext.Request.Host.Value);
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        var goesOn = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        if (proxyResponse is not null)
        {
            HeaderRules.Apply(way.Entry.Settings.ResponseHeaders, httpContext.Response.Headers);
        }

        return goesOn;
    }

    /// <summary>Path and query as the visitor sent them. A target in absolute form (only proxies need it) loses its authority, which is the Host's.</summary>
    public static string TargetOf(HttpContext context)
    {
        var raw = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (raw.StartsWith('/'))
        {
            return raw;
        }

        var authority = raw.IndexOf("://", StringComparison.Ordinal);
        var path = authority < 0 ? -1 : raw.IndexOfAny(['/', '?'], authority + 3);
        return path < 0 ? "/" : raw[path] == '/' ? raw[path..] : "/" + raw[path..];
    }
}
