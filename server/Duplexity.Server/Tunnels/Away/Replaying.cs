using Duplexity.Server.Engine;
using Duplexity.Server.Tunnels.Inspection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>What a replay came to.</summary>
/// <param name="IsUnsent">Nothing of it reached the resource, for a reason that is not its own: it counts as no try.</param>
/// <param name="Status">The status of the resource's whole answer; null: there was none.</param>
internal sealed record ReplayResult(bool IsUnsent, int? Status)
{
    /// <summary>Whether it is settled: an answer below 500 is the resource's word, but for those by which it asks to be asked again.</summary>
    public bool IsSettled => !IsUnsent && Status is { } status and < StatusCodes.Status500InternalServerError
        && status is not (StatusCodes.Status408RequestTimeout or 425 or StatusCodes.Status429TooManyRequests);

    /// <summary>When the resource wants to be asked again, as it says; null: it does not.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>Sends a kept request to the resource by the same way as a visitor's own: gates, transforms, carriers and the owner's exchanges see it as one, marked by <see cref="Replay"/>. Thread-safe.</summary>
internal sealed class Replaying(HttpFront front, TimeProvider time, IOptions<DuplexityOptions> options)
{
    /// <summary>Says which attempt it is, from 1 on.</summary>
    public const string AttemptHeader = "Duplexity-Attempt";

    /// <summary>Sends it once.</summary>
    /// <param name="entry">The registration that serves it: the owner's own.</param>
    /// <param name="request">What was kept.</param>
    /// <param name="attempt">Which attempt this is.</param>
    /// <param name="ct">Ends it.</param>
    public async Task<ReplayResult> SendAsync(PipeEntry entry, KeptRequest request, int attempt, CancellationToken ct)
    {
        using var late = new CancellationTokenSource(options.Value.Queue.Answer, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
        var replay = new Replay(request);
        var context = ContextOf(request, attempt, replay);
        context.RequestAborted = either.Token;
        await front.ReplayAsync(context, entry);
        ct.ThrowIfCancellationRequested();
        return new ReplayResult(replay.IsUnsent, replay.Status)
        {
            RetryAfter = replay.Status is not null && int.TryParse(context.Response.Headers.RetryAfter, out var seconds) && seconds >= 0 ? TimeSpan.FromSeconds(seconds) : null,
        };
    }

    private static DefaultHttpContext ContextOf(KeptRequest kept, int attempt, Replay replay)
    {
        var context = new DefaultHttpContext();
        context.Features.Set(replay);
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = kept.Target;
        context.Connection.RemoteIpAddress = System.Net.IPAddress.TryParse(kept.Address, out var address) ? address : null;
        var request = context.Request;
        (request.Method, request.Scheme, request.Host, request.Protocol) = (kept.Method, kept.Scheme, new HostString(kept.Host), HttpProtocol.Http11);
        var path = kept.Target.Split('?', 2);
        request.Path = new PathString(Uri.UnescapeDataString(path[0].StartsWith('/') ? path[0] : "/"));
        request.QueryString = path.Length > 1 ? new QueryString("?" + path[1]) : default;
        foreach (var header in kept.Headers)
        {
            request.Headers[header.Name] = header.Values;
        }

        request.Headers[Replayed.Header] = kept.Id;
        request.Headers[AttemptHeader] = attempt.ToString(System.Globalization.CultureInfo.InvariantCulture);
        request.ContentLength = kept.Body.Length > 0 || !HttpMethods.IsDelete(kept.Method) ? kept.Body.Length : null;
        request.Body = new MemoryStream(kept.Body, writable: false);

        // Whoever sent it has had an answer.
        context.Response.Body = Stream.Null;
        return context;
    }
}
