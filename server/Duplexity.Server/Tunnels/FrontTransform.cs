using Duplexity.Server.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace Duplexity.Server.Tunnels;

/// <summary>Makes the resource's request out of a visitor's: the target byte by byte as it came, the Host header as the pipe wants it.</summary>
internal sealed class FrontTransform(Visit visit, PipeEntry entry) : HttpTransformer
{
    /// <summary>Any authority will do: the carrier is chosen already, and the Host header is set below.</summary>
    public const string Prefix = "http://pipe";

    private static readonly UriCreationOptions AsItIs = new() { DangerousDisablePathAndQueryCanonicalization = true };

    public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        proxyRequest.RequestUri = new Uri(Prefix + TargetOf(httpContext), in AsItIs);
        proxyRequest.Options.Set(Visit.Key, visit);
        proxyRequest.Headers.Host = entry.HostHeader switch
        {
            "keep" => httpContext.Request.Host.Value,
            "resource" => ResourceText.Read(entry.Resource)?.Authority,
            _ => entry.HostHeader,
        };
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
