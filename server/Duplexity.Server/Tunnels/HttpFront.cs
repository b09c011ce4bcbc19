using System.Diagnostics;
using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Away;
using Duplexity.Server.Tunnels.Gates;
using Duplexity.Server.Tunnels.Inspection;
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
    Choice choice, PipeUrl url, Sessions sessions, Node node, CarrierPools pools, VisitorHeaders headers, IVisitorEntrance entrance, IKeeping keeping, Forwarder forwarder, Visitors visitors, NodeBook nodes, ExchangeFeed exchanges, Metrics metrics, TimeProvider time, ILogger<HttpFront> logger, Inspector? inspector = null)
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

        var had = StickyCookie.Take(context.Request);
        var entry = await LocateAsync(context, name, had, span);
        if (entry is null || entry.Name != name)
        {
            // What keeps requests under its own name goes before a wildcard, as if it were there.
            entry = await keeping.FindAsync(name, isCovered: entry is not null, context.RequestAborted) ?? entry;
        }

        if (entry is null)
        {
            await Pages.NotFoundAsync(context);
            Ended(context.Response.StatusCode, span, began);
            return;
        }

        await ServeAsync(context, entry, had, span, began);
    }

    /// <summary>Serves a request that was kept, from the registration that it is for, as it is by now, and no other.</summary>
    public async Task ReplayAsync(HttpContext context, PipeEntry entry)
    {
        var span = Spans.Begin("replay", ActivityKind.Server, default);
        try
        {
            await ServeAsync(context, entry, had: null, span, time.GetTimestamp());
        }
        finally
        {
            span.End();
        }
    }

    private async Task ServeAsync(HttpContext context, PipeEntry entry, string? had, Activity? span, long began)
    {
        var at = time.GetUtcNow();
        var isKept = context.Features.Get<Replay>() is QueuedReplay;
        var status = Metrics.VisitorGone;
        var recorder = inspector?.Begin(context, entry, began);
        var tried = new List<PipeEntry> { entry };
        visitors.Begin();
        try
        {
            if (nodes.Self.IsDraining && !isKept)
            {
                // The visitor's next request is another node's.
                context.Connection.RequestClose();
            }

            if (!isKept)
            {
                headers.Clean(context);
            }

            await ServeAsync(context, tried, had, span);
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
            if (recorder is not null)
            {
                inspector!.End(recorder, context, at, target, status);
            }

            exchanges.Report(tried[^1], new ExchangeInfo
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

    private async ValueTask<PipeEntry?> LocateAsync(HttpContext context, string name, string? had, Activity? span)
    {
        var step = span.Step("locate");
        try
        {
            return await choice.LocateAsync(name, had, PinnedCarriers.Of(context.Features, create: false), FrontTransform.TargetOf(context), context.RequestAborted);
        }
        finally
        {
            step.End();
        }
    }

    /// <summary>Serves the request from the last of <paramref name="tried"/>, or from those that are tried after it: only as long as nothing of the request can have reached a resource (G12).</summary>
    private async Task ServeAsync(HttpContext context, List<PipeEntry> tried, string? had, Activity? span)
    {
        if (HttpMethods.IsConnect(context.Request.Method) && context.Features.Get<IHttpExtendedConnectFeature>() is not { IsExtendedConnect: true, Protocol: "websocket" })
        {
            await Pages.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "Not here", "CONNECT does not pass a public pipe.");
            return;
        }

        // Before anything of the pipe's state shows: who may not visit it is not told that it is away (G25). Each registration has gates of its own; what the visitor holds of one it holds until it is through.
        using var entered = await entrance.EnterAsync(context, tried[^1]);
        if (entered is null)
        {
            return;
        }

        if (tried.Count == 1)
        {
            StickyCookie.Give(context, had, tried, url.IsSecure);
        }

        if (await TryAsync(context, tried[^1], entered, span) is not { } failure)
        {
            return;
        }

        if (context.Features.Get<Replay>() is QueuedReplay replay)
        {
            // It is for this registration and no other, and kept already.
            replay.Fail(failure.Counts);
            await failure.ExplainAsync();
            return;
        }

        var isPinned = context.Features.Get<Replay>() is ExchangeReplay;
        if (failure.MayTryAgain && await choice.InsteadAsync(tried, e => !isPinned || e.IsOf(tried[0]), FrontTransform.TargetOf(context), context.RequestAborted) is { } another)
        {
            context.Response.Clear();
            tried.Add(another);
            await ServeAsync(context, tried, had, span);
            return;
        }

        if (failure.IsWhole is not { } isWhole || !await KeepAsync(context, tried[^1], isWhole))
        {
            await failure.ExplainAsync();
        }
    }

    /// <summary>Serves the request from one registration; null: it is answered, or there is nobody to be answered any more.</summary>
    private async Task<Failure?> TryAsync(HttpContext context, PipeEntry entry, Entered entered, Activity? span)
    {
        if (ResourceText.IsTls(entry.Resource))
        {
            return new(false, null, Counts: false, () => Pages.WriteAsync(context, StatusCodes.Status421MisdirectedRequest, "Not here", "The server behind this address speaks TLS by itself; its port is another one."));
        }

        if (Way.Find(entry, FrontTransform.TargetOf(context)) is not { } way)
        {
            return new(false, null, Counts: true, () => Pages.WriteAsync(
                context, StatusCodes.Status400BadRequest, "Not understood", "This address has paths of several servers: dot segments and encoded slashes, backslashes or dots in a path are not taken here."));
        }

        if (await keeping.TakesAsync(context, entry))
        {
            (context.Features.Get<Replay>() as QueuedReplay)?.Answer(context.Response);
            return null;
        }

        if ((entry.Node == node.Name && sessions.Find(entry.Client, entry.Session)?.Link is null) || pools.Of(entry, way.Route) is not { } pool)
        {
            return new(true, true, Counts: false, () => AwayAsync(context));
        }

        FaithfulFront.Unlimit(context);
        using var turn = pool.Begin();
        using var visit = new Visit(context, pool, headers.IsFromProxy(context), time) { Throttle = entered.Throttle };
        var carrier = span.Step("carrier");
        try
        {
            await visit.TakeCarrierAsync(context.RequestAborted);
            context.Features.Get<ExchangeRecorder>()?.Carried();
        }
        catch (CarryException e)
        {
            // Nothing of the request has left yet.
            return Refused(context, pool, e, mayTryAgain: e.Failure != CarryFailure.Crowded || entry.IsShared, isWhole: true);
        }
        finally
        {
            carrier.End();
        }

        var error = await ForwardAsync(context, visit, way, pool.IsHttp2, span);
        if (error == ForwarderError.None || visit.EndedEarly)
        {
            pool.Worked();
            (context.Features.Get<Replay>() as QueuedReplay)?.Answer(context.Response);
            if (!VisitorHeaders.IsWebSocket(context.Request.Headers.Upgrade))
            {
                await visit.CompleteAsync(context.RequestAborted);
            }

            return null;
        }

        return context.Response.HasStarted || context.RequestAborted.IsCancellationRequested ? null : Failed(context, pool, error);
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

}
