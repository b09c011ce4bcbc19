using System.Diagnostics;
using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
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
    Choice choice, PipeUrl url, Sessions sessions, Node node, CarrierPools pools, VisitorHeaders headers, Forwarder forwarder, Visitors visitors, NodeBook nodes, ExchangeFeed exchanges, Metrics metrics, TimeProvider time, ILogger<HttpFront> logger)
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
        var had = StickyCookie.Take(context.Request);
        var entry = await LocateAsync(context, name, had, span);
        if (entry is null)
        {
            await Pages.NotFoundAsync(context);
            Ended(context.Response.StatusCode, span, began);
            return;
        }

        var status = Metrics.VisitorGone;
        var tried = new List<PipeEntry> { entry };
        StickyCookie.Give(context, had, tried, url.IsSecure);
        visitors.Begin();
        try
        {
            if (nodes.Self.IsDraining)
            {
                // The visitor's next request is another node's.
                context.Connection.RequestClose();
            }

            headers.Clean(context);
            await ServeAsync(context, tried, span);
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
            exchanges.Report(tried[^1], new ExchangeInfo
            {
                Pipe = name,
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
            return await choice.LocateAsync(name, had, PinnedCarriers.Of(context.Features, create: false), context.RequestAborted);
        }
        finally
        {
            step.End();
        }
    }

    /// <summary>Serves the request from the last of <paramref name="tried"/>, or from those that are tried after it: only as long as nothing of the request can have reached a resource (G12).</summary>
    private async Task ServeAsync(HttpContext context, List<PipeEntry> tried, Activity? span)
    {
        if (HttpMethods.IsConnect(context.Request.Method) && context.Features.Get<IHttpExtendedConnectFeature>() is not { IsExtendedConnect: true, Protocol: "websocket" })
        {
            await Pages.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "Not here", "CONNECT does not pass a public pipe.");
            return;
        }

        while (await TryAsync(context, tried[^1], span) is { } failure)
        {
            if (failure.MayTryAgain && await choice.InsteadAsync(tried, context.RequestAborted) is { } another)
            {
                context.Response.Clear();
                tried.Add(another);
                continue;
            }

            await failure.ExplainAsync();
            return;
        }
    }

    /// <summary>Serves the request from one registration; null: it is answered, or there is nobody to be answered any more.</summary>
    private async Task<Failure?> TryAsync(HttpContext context, PipeEntry entry, Activity? span)
    {
        if ((entry.Node == node.Name && sessions.Find(entry.Client, entry.Session)?.Link is null) || pools.Of(entry) is not { } pool)
        {
            return new(true, () => Pages.AwayAsync(context));
        }

        Unlimit(context);
        using var turn = pool.Begin();
        using var visit = new Visit(context, pool, headers.IsFromProxy(context));
        var carrier = span.Step("carrier");
        try
        {
            await visit.TakeCarrierAsync(context.RequestAborted);
        }
        catch (CarryException e)
        {
            return Refused(context, pool, e, mayTryAgain: e.Failure != CarryFailure.Crowded || entry.IsShared);
        }
        finally
        {
            carrier.End();
        }

        var error = await ForwardAsync(context, visit, entry, span);
        if (error == ForwarderError.None)
        {
            pool.Worked();
            if (!VisitorHeaders.IsWebSocket(context.Request.Headers.Upgrade))
            {
                visit.Complete();
            }

            return null;
        }

        return context.Response.HasStarted || context.RequestAborted.IsCancellationRequested ? null : Failed(context, pool, error);
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

    private Failure Refused(HttpContext context, CarrierPool pool, CarryException refusal, bool mayTryAgain)
    {
        Log.NoCarrier(logger, pool.Entry.Name, refusal.Failure);
        pool.Failed(refusal.Failure);
        return new(mayTryAgain, () => refusal.Failure switch
        {
            CarryFailure.Crowded => Pages.CrowdedAsync(context),
            CarryFailure.Late => Pages.WriteAsync(context, StatusCodes.Status504GatewayTimeout, "No answer", "The machine behind this address did not answer in time."),
            _ => Pages.AwayAsync(context),
        });
    }

    private Failure Failed(HttpContext context, CarrierPool pool, ForwarderError error)
    {
        // No resource has seen anything of it yet; a body is gone with the carrier all the same.
        var isWhole = context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false };
        var cause = context.GetForwarderErrorFeature()?.Exception;
        Log.ForwardFailed(logger, pool.Entry.Name, error, cause?.GetType().Name ?? "none");
        for (var e = cause; e is not null; e = e.InnerException)
        {
            if (e is CarryException refusal)
            {
                context.Response.Clear();
                return Refused(context, pool, refusal, isWhole);
            }

            if (e is ResourceAwayException)
            {
                pool.Failed();
                context.Response.Clear();
                return new(isWhole, () => Pages.WriteAsync(
                    context, StatusCodes.Status502BadGateway, "Nothing answers", "The machine behind this address is there, but the server on it that should answer is not running."));
            }
        }

        return new(false, () =>
        {
            if (context.Response.StatusCode < 500)
            {
                return Task.CompletedTask;
            }

            context.Response.Clear();
            return Pages.WriteAsync(context, StatusCodes.Status502BadGateway, "No answer", "The server behind this address ended the connection before it answered. The request was not repeated.");
        });
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

    /// <param name="MayTryAgain">Whether nothing of the request has reached a resource or is lost.</param>
    /// <param name="ExplainAsync">Tells the visitor.</param>
    private sealed record Failure(bool MayTryAgain, Func<Task> ExplainAsync);
}
