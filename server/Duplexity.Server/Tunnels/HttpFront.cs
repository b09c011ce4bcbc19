using System.Diagnostics;
using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Away;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Serves a visitor's HTTP request from the resource behind a pipe, unchanged in everything that HTTP lets through: locate, gates, carrier, forward, report.
/// </summary>
internal sealed class HttpFront(
    BackendRegistry backend, Sessions sessions, Node node, CarrierPools pools, VisitorHeaders headers, Forwarder forwarder, Visitors visitors, Keeping keeping, NodeBook nodes, ExchangeFeed exchanges, Metrics metrics, TimeProvider time, ILogger<HttpFront> logger)
{
    // Times are the visitor's and the resource's own affair: an upload, a download or a silence may last as long as both ends hold on.
    private static readonly ForwarderRequestConfig AsItIs = new()
    {
        Version = HttpVersion.Version11,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        ActivityTimeout = Timeout.InfiniteTimeSpan,
        AllowResponseBuffering = false,
    };

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
        var entry = await LocateAsync(name, span, context.RequestAborted) ?? await keeping.FindAsync(name, context.RequestAborted);
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
        var target = FrontTransform.TargetOf(context);
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

        // Behind whatever asks who the visitor is.
        if (await keeping.TakesAsync(context, entry))
        {
            return;
        }

        if ((entry.Node == node.Name && sessions.Find(entry.Client, entry.Session)?.Link is null) || pools.Of(entry) is not { } pool)
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
        using var visit = new Visit(context, pool, headers.IsFromProxy(context));
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

        var error = await ForwardAsync(context, visit, entry, span);
        if (error == ForwarderError.None)
        {
            if (!VisitorHeaders.IsWebSocket(context.Request.Headers.Upgrade))
            {
                visit.Complete();
            }
        }
        else if (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            await ExplainAsync(context, entry, error);
        }
    }

    private async ValueTask<ForwarderError> ForwardAsync(HttpContext context, Visit visit, PipeEntry entry, Activity? span)
    {
        var step = span.Step("forward");
        try
        {
            var error = await forwarder.SendAsync(context, FrontTransform.Prefix, AsItIs, new FrontTransform(visit, entry));
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

    private async Task RefuseAsync(HttpContext context, PipeEntry entry, CarryException refusal, bool isWhole)
    {
        Log.NoCarrier(logger, entry.Name, refusal.Failure);
        if (refusal.Failure != CarryFailure.Crowded && await keeping.KeepAsync(context, entry, isWhole))
        {
            return;
        }

        switch (refusal.Failure)
        {
            case CarryFailure.Crowded:
                await Pages.CrowdedAsync(context);
                break;
            case CarryFailure.Late:
                await Pages.WriteAsync(context, StatusCodes.Status504GatewayTimeout, "No answer", "The machine behind this address did not answer in time.");
                break;
            default:
                await Pages.AwayAsync(context);
                break;
        }
    }

    private async Task ExplainAsync(HttpContext context, PipeEntry entry, ForwarderError error)
    {
        var cause = context.GetForwarderErrorFeature()?.Exception;
        Log.ForwardFailed(logger, entry.Name, error, cause?.GetType().Name ?? "none");
        for (var e = cause; e is not null; e = e.InnerException)
        {
            if (e is CarryException refusal)
            {
                context.Response.Clear();
                await RefuseAsync(context, entry, refusal, isWhole: false);
                return;
            }

            if (e is ResourceAwayException)
            {
                context.Response.Clear();
                if (await keeping.KeepAsync(context, entry, isWhole: false))
                {
                    return;
                }

                await Pages.WriteAsync(
                    context, StatusCodes.Status502BadGateway, "Nothing answers", "The machine behind this address is there, but the server on it that should answer is not running.");
                return;
            }
        }

        if (context.Response.StatusCode >= 500)
        {
            context.Response.Clear();
            await Pages.WriteAsync(context, StatusCodes.Status502BadGateway, "No answer", "The server behind this address ended the connection before it answered. The request was not repeated.");
        }
    }
}
