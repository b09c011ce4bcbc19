using Duplexity.Server.Tunnels.Gates;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// One visitor request on its way: the carrier that it has, and what becomes of that carrier afterwards. On a shared connection, a proxy's that other visitors
/// use too, nothing is pinned to the connection.
/// </summary>
internal sealed class Visit(HttpContext context, CarrierPool pool, bool isShared) : IDisposable
{
    /// <summary>Where the request finds its visit again.</summary>
    public static readonly HttpRequestOptionsKey<Visit> Key = new("duplexity.visit");

    private HttpCarrier? _carrier;
    private bool _pinned;
    private bool _done;

    /// <summary>What its bytes wait for; null: nothing.</summary>
    public Throttle? Throttle { get; init; }

    /// <summary>Takes a carrier: the visitor connection's own, else one of the pool.</summary>
    public async Task TakeCarrierAsync(CancellationToken ct)
    {
        _carrier = PinnedCarriers.Of(context.Features, create: false)?.Take(pool);
        _pinned = _carrier is not null;
        _carrier ??= await pool.RentAsync(fresh: false, ct);
        _carrier.Throttle = Throttle;
    }

    /// <summary>
    /// Sends the request. The one retry there is: an idle carrier turned out to be over before a byte of the request was written, and a new one is taken (G12).
    /// </summary>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct)
    {
        HttpResponseMessage response;
        try
        {
            response = await _carrier!.SendAsync(request, ct);
        }
        catch (HttpRequestException) when (!_carrier!.Stream.HasWritten && !ct.IsCancellationRequested)
        {
            _carrier.Dispose();
            _carrier = null;
            _pinned = false;
            _carrier = await pool.RentAsync(fresh: true, ct);
            _carrier.Throttle = Throttle;
            response = await _carrier.SendAsync(request, ct);
        }

        _pinned |= SignsInConnection(request.Headers, "Authorization") || SignsInConnection(response.Headers, "WWW-Authenticate");
        return response;
    }

    /// <summary>The answer ended by its own framing: the carrier may be used again.</summary>
    public void Complete() => _done = true;

    public void Dispose()
    {
        if (_carrier is null)
        {
            return;
        }

        _carrier.Throttle = null;
        if (!_done || !_carrier.Stream.IsUsable)
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
