using System.Diagnostics;
using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
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
internal sealed class HttpFront(
    BackendRegistry backend, Sessions sessions, Node node, CarrierPools pools, VisitorHeaders headers, Forwarder forwarder, Visitors visitors, NodeBook nodes, ExchangeFeed exchanges, Inspector inspector, Metrics metrics, TimeProvider time, ILogger<HttpFront> logger)
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
        var at = time.GetUtcNow();
        var target = FrontTransform.TargetOf(context);
        var entry = await LocateAsync(name, span, context.RequestAborted);
        if (entry is null)
        {
            await Pages.NotFoundAsync(context);
            Ended(context.Response.StatusCode, span, began);
            return;
        }

        var status = Metrics.VisitorGone;
        var recorder = inspector.Begin(context, entry, began);
        visitors.Begin();
        try
        {
            if (nodes.Self.IsDraining)
            {
                // The visitor's next request is another node's.
                context.Connection.RequestClose();
            }

            await ServeAsync(context, entry, span);
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
            if (recorder is not null)
            {
                inspector.End(recorder, context, at, target, status);
            }

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

    private async Task ServeAsync(HttpContext context, PipeEntry entry, Activity? span, bool isAgain = false)
    {
        headers.Clean(context);
        if (HttpMethods.IsConnect(context.Request.Method) && context.Features.Get<IHttpExtendedConnectFeature>() is not { IsExtendedConnect: true, Protocol: "websocket" })
        {
            await Pages.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "Not here", "CONNECT does not pass a public pipe.");
            return;
        }

        if ((entry.Node == node.Name && sessions.Find(entry.Client, entry.Session)?.Link is null) || pools.Of(entry) is not { } pool)
        {
            if (await MovedAsync(entry, isAgain, context.RequestAborted) is { } there)
            {
                await ServeAsync(context, there, span, isAgain: true);
                return;
            }

            await Pages.AwayAsync(context);
            return;
        }

        Unlimit(context);
        using var visit = new Visit(context, pool, headers.IsFromProxy(context));
        var carrier = span.Step("carrier");
        try
        {
            await visit.TakeCarrierAsync(context.RequestAborted);
            context.Features.Get<ExchangeRecorder>()?.Carried();
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
                await RefuseAsync(context, entry, e);
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

    private async Task RefuseAsync(HttpContext context, PipeEntry entry, CarryException refusal)
    {
        Log.NoCarrier(logger, entry.Name, refusal.Failure);
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
                await RefuseAsync(context, entry, refusal);
                return;
            }

            if (e is ResourceAwayException)
            {
                context.Response.Clear();
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

    /// <summary>Kestrel's limits on bodies are meant for applications; for this request alone they are lifted.</summary>
    private static void Unlimit(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } requestRate)
        {
            requestRate.MinDataRate = null;
        }

        if (context.Features.Get<IHttpMinResponseDataRateFeature>() is { } responseRate)
        {
            responseRate.MinDataRate = null;
        }
    }
}
