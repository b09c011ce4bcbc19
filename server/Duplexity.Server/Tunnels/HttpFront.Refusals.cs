using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Tunnels.Away;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Duplexity.Server.Tunnels;

/// <content>What a visitor gets where the resource's answer cannot be had.</content>
internal sealed partial class HttpFront
{
    private async Task RefuseAsync(HttpContext context, PipeEntry entry, CarryException refusal, bool isWhole)
    {
        Log.NoCarrier(logger, entry.Name, refusal.Failure);
        if (refusal.Failure != CarryFailure.Crowded && await KeepAsync(context, entry, isWhole))
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
                await AwayAsync(context);
                break;
        }
    }

    /// <summary>At a node that is being left another one is asked first: the client may be there.</summary>
    private async ValueTask<bool> KeepAsync(HttpContext context, PipeEntry entry, bool isWhole) =>
        (!nodes.SendsAway || context.Features.Get<Replay>() is not null) && await keeping.KeepAsync(context, entry, isWhole);

    /// <summary>Nobody brings a carrier. At a node that is being left that says nothing of the client: a balancer asks another one.</summary>
    private Task AwayAsync(HttpContext context)
    {
        if (!nodes.SendsAway)
        {
            return Pages.AwayAsync(context);
        }

        context.Connection.RequestClose();
        return Pages.LeftAsync(context);
    }

    private static IEnumerable<Exception> Causes(HttpContext context)
    {
        // The body's failure and the answer's come together.
        var error = context.GetForwarderErrorFeature()?.Exception;
        foreach (var one in error is AggregateException several ? several.Flatten().InnerExceptions : Enumerable.Repeat(error, 1))
        {
            for (var e = one; e is not null; e = e.InnerException)
            {
                yield return e;
            }
        }
    }

    private async Task ExplainAsync(HttpContext context, PipeEntry entry, ForwarderError error, Exception[] causes)
    {
        Log.ForwardFailed(logger, entry.Name, error, causes.FirstOrDefault()?.GetType().Name ?? "none");
        foreach (var e in causes)
        {
            if (e is CarryException refusal)
            {
                context.Response.Clear();
                await RefuseAsync(context, entry, refusal, isWhole: false);
                return;
            }

            if (e is ResourceLateException)
            {
                context.Response.Clear();
                await Pages.WriteAsync(context, StatusCodes.Status504GatewayTimeout, "No answer", "The server behind this address did not answer in time.");
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
