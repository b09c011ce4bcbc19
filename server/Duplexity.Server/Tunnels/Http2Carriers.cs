using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// An HTTP/2 client whose connections are carriers: one carries many visitors, each on a stream of its own, and who leaves resets that stream alone. What <c>SocketsHttpHandler</c> sends again here is only what
/// the resource itself says it has not begun (GOAWAY, REFUSED_STREAM), so that G12 holds.
/// </summary>
internal sealed class Http2Carriers(CarrierPool pool) : IDisposable
{
    // As long as idle HTTP/1.1 carriers (CarrierPools).
    private static readonly TimeSpan MaxIdle = TimeSpan.FromSeconds(30);

    // What the node keeps of an answer that its visitor does not read: as much as Kestrel reads of an HTTP/1.1 carrier ahead. At 80 ms to the client it lets 12 MB a second through for each visitor. It stays as it is only where the process says so
    // (System.Net.SocketsHttpHandler.Http2FlowControl.DisableDynamicWindowSizing, which Duplexity.Host does): else it grows with speed and distance, to 16 MB.
    private const int Window = 1024 * 1024;

    private readonly HttpMessageInvoker _invoker = new(Handler(pool));

    public CarrierPool Pool => pool;

    /// <summary>Those of one visitor connection, for a pool whose carriers nobody shares.</summary>
    public static Http2Carriers Of(IFeatureCollection features, CarrierPool pool)
    {
        if (features.Get<IConnectionItemsFeature>()?.Items is not { } items || features.Get<IConnectionLifetimeFeature>() is not { } lifetime)
        {
            throw new InvalidOperationException("The server knows no connections.");
        }

        lock (items)
        {
            if (items.TryGetValue(typeof(Http2Carriers), out var there) && there is Http2Carriers own)
            {
                if (own.Pool == pool)
                {
                    return own;
                }

                own.Dispose(); // the pipe is another one by now
            }

            var carriers = new Http2Carriers(pool);
            items[typeof(Http2Carriers)] = carriers;
            lifetime.ConnectionClosed.Register(carriers.Dispose);
            return carriers;
        }
    }

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct) => _invoker.SendAsync(request, ct);

    /// <summary>No further requests; those under way finish.</summary>
    public void Dispose() => _invoker.Dispose();

    private static SocketsHttpHandler Handler(CarrierPool pool)
    {
        var handler = CarrierHandler.Over(async (_, ct) => await pool.DialFreshAsync(ct));
        handler.EnableMultipleHttp2Connections = true; // beyond the streams that the resource allows on one
        handler.PooledConnectionIdleTimeout = MaxIdle;
        handler.InitialHttp2StreamWindowSize = Window;
        return handler;
    }
}
