using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Yarp.ReverseProxy.Forwarder;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Hands a WebSocket that names another node (<c>?node=n7</c>) on to that node (a carrier, also to a front), raw, on the internal plane: where all nodes are behind one address, it lands on any of them. Whoever it is has shown a good token by then. Thread-safe.
/// </summary>
internal sealed class UpgradeForwarding(Node node, NodeBook nodes, NodeSignature signature, Forwarder forwarder, ForwardedUpgrades count, IOptions<DuplexityOptions> options, ILogger<UpgradeForwarding> logger)
{
    // Keep-alives are both ends' affair.
    private static readonly ForwarderRequestConfig AsItIs = new() { ActivityTimeout = Timeout.InfiniteTimeSpan, AllowResponseBuffering = false };

    /// <summary>The request's way: to the node that it names, or <paramref name="here"/>.</summary>
    public async Task PassAsync(HttpContext context, RequestDelegate here) =>
        await (context.Request.Query["node"] is [{ } name] && name != node.Name && context.Features.Get<HandedOn>() is null && IsUpgrade(context)
            && await nodes.FindVisitorsAsync(name, context.RequestAborted) is { InternalUrl: not null } to && signature.MayAsk(to)
                ? HandOnAsync(context, to)
                : here(context));

    private static bool IsUpgrade(HttpContext context) =>
        VisitorHeaders.IsWebSocket(context.Request.Headers.Upgrade) || context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true, Protocol: "websocket" };

    private async Task HandOnAsync(HttpContext context, NodeInfo to)
    {
        // What is handed on ends with this node: a node that is being emptied begins nothing of the kind.
        if (nodes.SendsAway || !count.TryBegin(options.Value.Limits.Forwarded))
        {
            Refuse(context);
            return;
        }

        try
        {
            var error = await forwarder.HandOnAsync(context, to.InternalUrl!.GetLeftPart(UriPartial.Authority), AsItIs, new Transform(signature, node.Name, to));
            if (error != ForwarderError.None && !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
            {
                Log.NotHandedOn(logger, to.Name, error);
                context.Response.Clear();
                Refuse(context);
            }
        }
        finally
        {
            count.End();
        }
    }

    private static void Refuse(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = "1";
    }

    /// <summary>The request as it came, for the same path, signed.</summary>
    private sealed class Transform(NodeSignature signature, string node, NodeInfo to) : HttpTransformer
    {
        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
            var request = httpContext.Request;
            proxyRequest.RequestUri = new Uri(destinationPrefix + request.PathBase + request.Path + request.QueryString);
            proxyRequest.Headers.Host = request.Host.Value;
            foreach (var name in proxyRequest.Headers.Select(h => h.Key).Where(n => n.StartsWith(NodeRequest.Prefix, StringComparison.OrdinalIgnoreCase)).ToArray())
            {
                proxyRequest.Headers.Remove(name);
            }

            signature.Sign(HttpMethods.Get, proxyRequest.RequestUri.PathAndQuery, [], to, HandedOn.Of(httpContext, node).ToString())
                .Write((name, value) => proxyRequest.Headers.TryAddWithoutValidation(name, value));
        }
    }
}

/// <summary>How many connections are handed on now. Thread-safe.</summary>
internal sealed class ForwardedUpgrades : INodeLoad
{
    private int _count;

    /// <inheritdoc/>
    public string Name => "forwarded";

    /// <inheritdoc/>
    public int Count => Volatile.Read(ref _count);

    /// <summary>One more; false: there are <paramref name="most"/>.</summary>
    public bool TryBegin(int most)
    {
        if (Interlocked.Increment(ref _count) <= most)
        {
            return true;
        }

        End();
        return false;
    }

    public void End() => Interlocked.Decrement(ref _count);
}

/// <summary>Puts <see cref="UpgradeForwarding"/> in front of endpoints, behind the gate that asks who it is.</summary>
internal static class UpgradeForwardingEndpoints
{
    public static TBuilder AddUpgradeForwarding<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder
    {
        builder.Add(endpoint =>
        {
            if (endpoint.RequestDelegate is { } inner)
            {
                endpoint.RequestDelegate = context => context.RequestServices.GetRequiredService<UpgradeForwarding>().PassAsync(context, inner);
            }
        });
        return builder;
    }
}
