using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Tunnels.Gates;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// One visitor request on its way: the carrier that it has, and what becomes of that carrier afterwards. On a shared connection, a proxy's that other visitors
/// use too, nothing is pinned to the connection.
/// </summary>
internal sealed class Visit(HttpContext context, CarrierPool pool, bool isShared, TimeProvider time) : IDisposable
{
    /// <summary>Where the request finds its visit again.</summary>
    public static readonly HttpRequestOptionsKey<Visit> Key = new("duplexity.visit");

    private readonly PipeRegistration _settings = pool.Entry.Settings;
    private readonly bool _isPerVisitor = pool.IsPerVisitor; // as it began, though the pipe is changed
    private readonly VisitPatience _patience = new(time);
    private HttpCarrier? _carrier;
    private Http2Carriers? _http2;
    private VisitBody? _body;
    private bool _pinned;
    private bool _closes;
    private bool _done;

    /// <summary>What its bytes wait for; null: nothing.</summary>
    public Throttle? Throttle { get; init; }

    // A proxy's connection has many visitors, and what is sent again later comes on none: then the request has a connection of its own.
    private bool HasOwnHttp2 => _isPerVisitor && (isShared || context.Features.Get<IConnectionItemsFeature>() is null);

    /// <summary>Takes a carrier: the visitor connection's own, else one of the pool. HTTP/2 carriers are shared, and dialled when the request is sent.</summary>
    public async Task TakeCarrierAsync(CancellationToken ct)
    {
        if (pool.IsHttp2)
        {
            _http2 = !_isPerVisitor ? pool.Http2() : HasOwnHttp2 ? new(pool) : Http2Carriers.Of(context.Features, pool);
            return;
        }

        _carrier = PinnedCarriers.Of(context.Features, create: false)?.Take(pool);
        _pinned = _isPerVisitor || _carrier is not null;
        if (_carrier is null)
        {
            _carrier = await pool.RentAsync(fresh: _isPerVisitor, ct);
            if (_isPerVisitor)
            {
                pool.BringAhead();
            }
        }

        _carrier.Throttle = Throttle;
    }

    /// <summary>Sends the request and waits for the answer's head, as long as the pipe allows.</summary>
    /// <exception cref="ResourceLateException">It did not come in time.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct)
    {
        var isUpgrade = request.Method == HttpMethod.Connect || VisitorHeaders.IsWebSocket(context.Request.Headers.Upgrade);
        _patience.Allow(isUpgrade ? null : _settings.HeaderTimeoutMs);
        HttpResponseMessage answer;
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, _patience.Token);
            answer = await (_http2 is null ? SendOverCarrierAsync(request, isUpgrade, either.Token) : SendOverHttp2Async(request, _http2, either.Token));
        }
        catch (Exception) when (_patience.IsOver && !ct.IsCancellationRequested)
        {
            _body?.Stop();
            throw new ResourceLateException();
        }

        if (answer.StatusCode == HttpStatusCode.SwitchingProtocols && !_isPerVisitor)
        {
            pool.BringAhead();
        }

        return Watch(answer, isUpgrade);
    }

    /// <summary>Whether the whole answer came before the whole body, whose rest was then not wanted.</summary>
    public bool EndedEarly { get; private set; }

    /// <summary>The answer ended by its own framing: the carrier may be used again.</summary>
    public async Task CompleteAsync(CancellationToken ct)
    {
        if (_body is not null)
        {
            await _body.Sending.WaitAsync(ct); // the visitor's last byte was read, and is about to be written
        }

        _done = true;
    }

    public void Dispose()
    {
        _patience.Dispose();
        if (_http2 is not null && HasOwnHttp2)
        {
            _http2.Dispose();
        }

        if (_carrier is null)
        {
            return;
        }

        _carrier.Throttle = null;
        var isWhole = _body is null or { IsSent: true };
        if (!isWhole)
        {
            _body!.Stop();
        }

        if (!_done || !isWhole || _closes || !_carrier.Stream.IsUsable)
        {
            _carrier.Dispose();
        }
        else if (!_pinned)
        {
            pool.Return(_carrier);
        }
        else if (!isShared && PinnedCarriers.Of(context.Features, create: true) is { } pinned)
        {
            pinned.Put(pool, _carrier);
        }
        else
        {
            _carrier.Dispose();
        }
    }

    /// <summary>The one retry there is: an idle carrier turned out to be over before a byte of the request was written, and a new one is taken (G12).</summary>
    private async Task<HttpResponseMessage> SendOverCarrierAsync(HttpRequestMessage request, bool isUpgrade, CancellationToken ct)
    {
        _body = isUpgrade ? null : VisitBody.TakeFrom(request, context, _patience.Touch, time);
        HttpResponseMessage answer;
        try
        {
            answer = await _carrier!.SendAsync(request, _body, ct);
        }
        catch (HttpRequestException) when (!_carrier!.Stream.HasWritten && !ct.IsCancellationRequested)
        {
            _carrier.Dispose();
            _carrier = null;
            _pinned = _isPerVisitor;
            _carrier = await pool.RentAsync(fresh: true, ct);
            _carrier.Throttle = Throttle;
            answer = await _carrier.SendAsync(request, _body, ct);
        }

        // Such a resource closes after its answer. The HTTP client would find that out by its next request, which is not repeated (G12).
        _closes = answer.Version < HttpVersion.Version11 && !answer.Headers.Connection.Contains("keep-alive", StringComparer.OrdinalIgnoreCase);
        _pinned |= SignsInConnection(request.Headers, "Authorization") || SignsInConnection(answer.Headers, "WWW-Authenticate");
        return answer;
    }

    private Task<HttpResponseMessage> SendOverHttp2Async(HttpRequestMessage request, Http2Carriers carriers, CancellationToken ct)
    {
        if (request.Content is { } body)
        {
            request.Content = new FlushedContent(body, _patience.Touch);
        }

        return carriers.SendAsync(request, ct);
    }

    private HttpResponseMessage Watch(HttpResponseMessage answer, bool isUpgrade)
    {
        var isStream = isUpgrade || answer.StatusCode == HttpStatusCode.SwitchingProtocols
            || answer.Content.Headers.ContentType?.MediaType is { } type && (type == "text/event-stream" || type.StartsWith("application/grpc", StringComparison.Ordinal));
        _patience.Allow(isStream ? null : _settings.IdleTimeoutMs);
        var isSending = _body is { IsSent: false };
        if (isSending || (!isStream && _settings.IdleTimeoutMs is not null))
        {
            // Who is refused, or told that the connection ends, does not send the rest.
            var isLast = (int)answer.StatusCode >= 400 || answer.Headers.ConnectionClose == true;
            answer.Content = new AnswerContent(answer.Content, _patience, () =>
            {
                if (isLast && _body is { IsSent: false } rest)
                {
                    EndedEarly = true;
                    rest.Stop();
                }
            });
        }

        return answer;
    }

    private static bool SignsInConnection(System.Net.Http.Headers.HttpHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out var values)
        && values.Any(v => v.Split(',', StringSplitOptions.TrimEntries)
            .Any(s => s.StartsWith("NTLM", StringComparison.OrdinalIgnoreCase) || s.StartsWith("Negotiate", StringComparison.OrdinalIgnoreCase)));
}

/// <summary>The end of the forwarder's way: gives each request to its visit's carrier.</summary>
internal sealed class VisitHandler : HttpMessageHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        request.Options.TryGetValue(Visit.Key, out var visit)
            ? visit.SendAsync(request, cancellationToken)
            : throw new InvalidOperationException("A request without a visit.");
}
