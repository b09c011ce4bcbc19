using System.Diagnostics;
using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Away;
using Duplexity.Server.Tunnels.Gates;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Serves a visitor's HTTP request from the resource behind a pipe, unchanged in everything that HTTP lets through: locate, gates, carrier, forward, report.
/// </summary>
internal sealed partial class HttpFront(
    BackendRegistry backend, Sessions sessions, Node node, CarrierPools pools, VisitorHeaders headers, IVisitorEntrance entrance, IKeeping keeping, Forwarder forwarder, Visitors visitors, NodeBook nodes, ExchangeFeed exchanges, Metrics metrics, TimeProvider time, ILogger<HttpFront> logger)
{
    // Times are the visitor's and the resource's own affair: an upload, a download or a silence may last as long as both ends hold on.
    private static readonly ForwarderRequestConfig AsItIs = new()
    {
        Version = HttpVersion.Version11,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        ActivityTimeout = Timeout.InfiniteTimeSpan,
        AllowResponseBuffering = false,
    };

    private static readonly ForwarderRequestConfig AsItIsOverHttp2 = AsItIs with { Version = HttpVersion.Version20 };

    public async Task ServeAsync(HttpContext context, string name)
    {
        var span = Spans.Begin("visit", ActivityKind.Server, CauseOf(context.Request));
        try
        {
            await ServeAsync(context, name, span);
        }
        finally
        {
            span.End();
        }
    }

    private async Task ServeAsync(HttpContext context, string name, Activity? span)
    {
        var began = time.GetTimestamp();
        if (context.Features.Get<ISslStreamFeature>()?.SslStream.TargetHostName is { Length: > 0 } asked && PipeNames.KeyOf(asked) != name)
        {
            // One certificate for all names lets browsers send one name's requests over another's connection, past whatever looked at that one's name. They come again.
            await Pages.WriteAsync(context, StatusCodes.Status421MisdirectedRequest, "Not here", "This connection was opened for another name.");
            Ended(context.Response.StatusCode, span, began);
            return;
        }

        var entry = await LocateAsync(name, span, context.RequestAborted);
        if (entry is null || entry.Name != name)
        {
            // What keeps requests under its own name goes before a wildcard, as if it were there.
            entry = await keeping.FindAsync(name, context.RequestAborted) ?? entry;
        }

        if (entry is null)
        {
            await Pages.NotFoundAsync(context);
            Ended(context.Response.StatusCode, span, began);
            return;
        }

        await ServeAsync(context, entry, span, began);
    }

    /// <summary>Serves a request that was kept, from the registration that it is for and no other.</summary>
    public async Task ReplayAsync(HttpContext context, PipeEntry entry)
    {
        var span = Spans.Begin("replay", ActivityKind.Server, default);
        try
        {
            await ServeAsync(context, entry, span, time.GetTimestamp());
        }
        finally
        {
            span.End();
        }
    }

    private async Task ServeAsync(HttpContext context, PipeEntry entry, Activity? span, long began)
    {
        var at = time.GetUtcNow();
        var isReplay = context.Features.Get<Replay>() is not null;
        var status = Metrics.VisitorGone;
        visitors.Begin();
        try
        {
            if (nodes.Self.IsDraining && !isReplay)
            {
                // The visitor's next request is another node's.
                context.Connection.RequestClose();
            }

            await ServeAsync(context, entry, span, isAgain: isReplay);
            status = context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted ? Metrics.VisitorGone : context.Response.StatusCode;
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The visitor gave up while waiting; nobody is left to be answered.
        }
        finally
        {
            visitors.End();
            var took = Ended(status, span, began);
            var target = FrontTransform.TargetOf(context); // without what was said to the gates
            exchanges.Report(entry, new ExchangeInfo
            {
                Pipe = entry.Name,
                At = at.ToUnixTimeMilliseconds(),
                Method = context.Request.Method,
                Target = target.Length > VisibleText.LogLength ? target[..VisibleText.LogLength] : target,
                Status = status,
                DurationMs = took.TotalMilliseconds,
            });
        }
    }

    private static ActivityContext CauseOf(HttpRequest request) =>
        Spans.AreHeard && ActivityContext.TryParse(request.Headers.TraceParent, null, isRemote: true, out var cause) ? cause : default;

    private TimeSpan Ended(int status, Activity? span, long began)
    {
        var took = time.GetElapsedTime(began);
        metrics.Visited(status, took);
        span?.SetTag("http.response.status_code", status);
        return took;
    }

    private async ValueTask<PipeEntry?> LocateAsync(string name, Activity? span, CancellationToken ct)
    {
        var step = span.Step("locate");
        try
        {
            return await backend.LocateAsync(name, ct);
        }
        finally
        {
            step.End();
        }
    }

    private async Task ServeAsync(HttpContext context, PipeEntry entry, Activity? span, bool isAgain)
    {
        if (context.Features.Get<Replay>() is null)
        {
            headers.Clean(context);
        }

        if (HttpMethods.IsConnect(context.Request.Method) && context.Features.Get<IHttpExtendedConnectFeature>() is not { IsExtendedConnect: true, Protocol: "websocket" })
        {
            await Pages.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "Not here", "CONNECT does not pass a public pipe.");
            return;
        }

        // Before anything of the pipe's state shows: who may not visit it is not told that it is away (G25).
        using var entered = await entrance.EnterAsync(context, entry);
        if (entered is null)
        {
            return;
        }

        if (ResourceText.IsTls(entry.Resource))
        {
            await Pages.WriteAsync(context, StatusCodes.Status421MisdirectedRequest, "Not here", "The server behind this address speaks TLS by itself; its port is another one.");
            return;
        }

        if (Way.Find(entry, FrontTransform.TargetOf(context)) is not { } way)
        {
            await Pages.WriteAsync(context, StatusCodes.Status400BadRequest, "Not understood", "This address has paths of several servers: dot segments and encoded slashes, backslashes or dots in a path are not taken here.");
            return;
        }

        if (await keeping.TakesAsync(context, entry))
        {
            return;
        }

        if ((entry.Node == node.Name && sessions.Find(entry.Client, entry.Session)?.Link is null) || pools.Of(entry, way.Route) is not { } pool)
        {
            if (await MovedAsync(entry, isAgain, context.RequestAborted) is { } there)
            {
                await ServeAsync(context, there, span, isAgain: true);
                return;
            }

            await RefuseAsync(context, entry, new CarryException(CarryFailure.Away), isWhole: true);
            return;
        }

        FaithfulFront.Unlimit(context);
        using var visit = new Visit(context, pool, headers.IsFromProxy(context), time) { Throttle = entered.Throttle };
        var carrier = span.Step("carrier");
        try
        {
            await visit.TakeCarrierAsync(context.RequestAborted);
        }
        catch (CarryException e)
        {
            // Nothing of the request has left yet.
            if (e.Failure is CarryFailure.Elsewhere or CarryFailure.Away && await MovedAsync(entry, isAgain, context.RequestAborted) is { } now)
            {
                await ServeAsync(context, now, span, isAgain: true);
            }
            else
            {
                await RefuseAsync(context, entry, e, isWhole: true);
            }

            return;
        }
        finally
        {
            carrier.End();
        }

        var error = await ForwardAsync(context, visit, way, pool.IsHttp2, span);
        if (error == ForwarderError.None || visit.EndedEarly)
        {
            if (!VisitorHeaders.IsWebSocket(context.Request.Headers.Upgrade))
            {
                await visit.CompleteAsync(context.RequestAborted);
            }
        }
        else if (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            var causes = Causes(context).ToArray();
            if (pool.IsHttp2 && causes.Any(c => c is CarryException { Failure: CarryFailure.Elsewhere or CarryFailure.Away }) && await MovedAsync(entry, isAgain, context.RequestAborted) is { } now)
            {
                // A carrier to an HTTP/2 resource is dialled when the request is sent: nothing of it has left either.
                context.Response.Clear();
                await ServeAsync(context, now, span, isAgain: true);
                return;
            }

            await ExplainAsync(context, entry, error, causes);
        }
    }

    private async ValueTask<ForwarderError> ForwardAsync(HttpContext context, Visit visit, Way way, bool isHttp2, Activity? span)
    {
        var step = span.Step("forward");
        try
        {
            var error = await forwarder.SendAsync(context, FrontTransform.Prefix, isHttp2 ? AsItIsOverHttp2 : AsItIs, new FrontTransform(visit, way));
            step?.SetTag("error.type", error == ForwarderError.None ? null : error.ToString());
            return error;
        }
        finally
        {
            step.End();
        }
    }

    /// <summary>What the name is by now, where what was remembered of it is not so any more: its client has moved, to another node or another generation. Looked up once for a request.</summary>
    private async ValueTask<PipeEntry?> MovedAsync(PipeEntry entry, bool isAgain, CancellationToken ct) =>
        !isAgain && await backend.ReadAsync(entry.Name, ct) is { } now && now != entry ? now : null;
}
