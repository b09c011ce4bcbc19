using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// A visitor's body on its way to an HTTP/1.1 resource, beside the answer and not before it: <c>SocketsHttpHandler</c> hands an answer on only when it has sent the whole body, so it sends the head alone, and
/// this the rest. Echoes flow both ways, and an early refusal is heard at once.
/// </summary>
internal sealed class VisitBody
{
    // As long as curl waits for leave before it sends anyway.
    private static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(1);

    private readonly HttpContext _context;
    private readonly HttpContent _content;
    private readonly long? _length;
    private readonly bool _asksLeave;
    private readonly Action _touch;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();

    private VisitBody(HttpContext context, HttpContent content, bool asksLeave, Action touch, TimeProvider time)
    {
        (_context, _content, _asksLeave, _touch, _time) = (context, content, asksLeave, touch, time);
        _length = content.Headers.ContentLength;
    }

    /// <summary>Completes, and never fails, when nothing more of it is sent.</summary>
    public Task Sending { get; private set; } = Task.CompletedTask;

    /// <summary>Whether all of it was sent.</summary>
    public bool IsSent { get; private set; }

    /// <summary>The header line that says where it ends.</summary>
    public string Framing => _length is { } length ? string.Create(CultureInfo.InvariantCulture, $"Content-Length: {length}") : "Transfer-Encoding: chunked";

    /// <summary>Takes the body out of a request, which then has an empty one with the same headers; null: it has none.</summary>
    public static VisitBody? TakeFrom(HttpRequestMessage request, HttpContext context, Action touch, TimeProvider time)
    {
        if (request.Content is not { Headers.ContentLength: not 0 } content)
        {
            return null;
        }

        var body = new VisitBody(context, content, request.Headers.ExpectContinue == true, touch, time);
        var empty = new ByteArrayContent([]);
        foreach (var (name, values) in content.Headers.NonValidated)
        {
            if (!name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
            {
                empty.Headers.TryAddWithoutValidation(name, values);
            }
        }

        empty.Headers.ContentLength = 0;
        request.Content = empty;
        return body;
    }

    /// <summary>The head has gone out: the body follows.</summary>
    public void Start(HttpCarrierStream carrier) => Sending = SendAsync(carrier);

    /// <summary>The rest is not wanted.</summary>
    public void Stop() => _stop.Cancel();

    // A body that ends before its end takes the carrier with it.
    private async Task SendAsync(HttpCarrierStream carrier)
    {
        // Whoever wrote the head goes on to read the answer.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            if (_asksLeave && !await HasLeaveAsync(carrier))
            {
                return;
            }

            using var framed = new FramedBody(carrier, isChunked: _length is null, _touch);
            await _content.CopyToAsync(framed, _stop.Token);
            IsSent = await framed.CompleteAsync(Trailers, _stop.Token);
        }
        catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // The visitor gave up, or the carrier broke.
        }

        if (!IsSent && !_stop.IsCancellationRequested)
        {
            carrier.Dispose();
        }
    }

    // The resource's "100 Continue", or its silence; a refusal means that the visitor keeps the body.
    private async Task<bool> HasLeaveAsync(HttpCarrierStream carrier)
    {
        try
        {
            var status = await carrier.FirstStatus.WaitAsync(LeaveTimeout, _time, _stop.Token);
            return status < 300;
        }
        catch (TimeoutException)
        {
            return true;
        }
    }

    private IEnumerable<(string Name, string Value)> Trailers() => !_context.Request.SupportsTrailers() || !_context.Request.CheckTrailersAvailable()
        ? []
        : from trailer in _context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestTrailersFeature>()!.Trailers
          where HeaderRules.MayFollowBody(trailer.Key)
          from value in trailer.Value
          select (trailer.Key, value ?? "");
}
