using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace Duplexity.Server.Tunnels;

/// <content>What a visitor gets where the resource's answer cannot be had.</content>
internal sealed partial class HttpFront
{
    private Failure Refused(HttpContext context, CarrierPool pool, CarryException refusal, bool mayTryAgain, bool isWhole)
    {
        Log.NoCarrier(logger, pool.Entry.Name, refusal.Failure);
        pool.Failed(refusal.Failure);
        return new(mayTryAgain, refusal.Failure == CarryFailure.Crowded ? null : isWhole, Counts: false, () => refusal.Failure switch
        {
            CarryFailure.Crowded => Pages.CrowdedAsync(context),
            CarryFailure.Late => Pages.WriteAsync(context, StatusCodes.Status504GatewayTimeout, "No answer", "The machine behind this address did not answer in time."),
            _ => AwayAsync(context),
        });
    }

    /// <summary>At a node that is being left another one is asked first: the client may be there.</summary>
    private async ValueTask<bool> KeepAsync(HttpContext context, PipeEntry entry, bool isWhole) =>
        !nodes.SendsAway && await keeping.KeepAsync(context, entry, isWhole);

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

    private Failure Failed(HttpContext context, CarrierPool pool, ForwarderError error)
    {
        var causes = Causes(context).ToArray();
        Log.ForwardFailed(logger, pool.Entry.Name, error, causes.FirstOrDefault()?.GetType().Name ?? "none");

        // No resource has seen anything of it yet; a body may be gone with the carrier all the same.
        var isWhole = context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false };
        foreach (var e in causes)
        {
            switch (e)
            {
                case CarryException refusal:
                    // A carrier to an HTTP/2 resource is dialled when the request is sent: nothing of it has left either.
                    context.Response.Clear();
                    return Refused(context, pool, refusal, isWhole || pool.IsHttp2, isWhole: false);
                case ResourceLateException:
                    return new(false, null, Counts: true, () => ExplainAsync(context, StatusCodes.Status504GatewayTimeout, "No answer", "The server behind this address did not answer in time."));
                case ResourceAwayException:
                    pool.Failed();
                    context.Response.Clear();
                    return new(isWhole, false, Counts: false, () => ExplainAsync(
                        context, StatusCodes.Status502BadGateway, "Nothing answers", "The machine behind this address is there, but the server on it that should answer is not running."));
            }
        }

        // YARP takes every end of the body that it meets while it reads for the visitor's, also where a resource of HTTP/2 has dropped the request.
        var isVisitors = context.Response.StatusCode < 500 && causes.Any(e => e is BadHttpRequestException);
        return new(false, null, Counts: true, () => !isVisitors
            ? ExplainAsync(context, StatusCodes.Status502BadGateway, "No answer", "The server behind this address ended the connection before it answered. The request was not repeated.")
            : Task.CompletedTask);
    }

    private static Task ExplainAsync(HttpContext context, int status, string title, string sentence)
    {
        context.Response.Clear();
        return Pages.WriteAsync(context, status, title, sentence);
    }

    /// <summary>The request was not served.</summary>
    /// <param name="MayTryAgain">Whether it may be offered to another registration.</param>
    /// <param name="IsWhole">Where nothing of it has reached the resource, so that it may be kept: whether nobody has read any of its body. Null: it may not be kept.</param>
    /// <param name="Counts">Whether it is a try of a kept request. False where nothing of that has reached the resource and any other would fare alike: then it waits.</param>
    /// <param name="ExplainAsync">Tells the visitor.</param>
    private sealed record Failure(bool MayTryAgain, bool? IsWhole, bool Counts, Func<Task> ExplainAsync);
}
