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

    /// <summary>Resources for which one visitor connection keeps carriers, the one that was used longest ago gives way: a page is of two or three, and each is a connection at its resource.</summary>
    public const int MostOfVisitor = 8;

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

        OfConnection own;
        lock (items)
        {
            if (items.TryGetValue(typeof(Http2Carriers), out var there))
            {
                own = (OfConnection)there!;
            }
            else
            {
                items[typeof(Http2Carriers)] = own = new();
                lifetime.ConnectionClosed.Register(own.Close);
            }
        }

        return own.Of(pool);
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

    /// <summary>Those of one visitor connection, which may be for several names, routes and sessions. Thread-safe.</summary>
    private sealed class OfConnection
    {
        private readonly Lock _lock = new();
        private readonly List<Http2Carriers> _all = []; // the last one is the one used last
        private bool _isClosed;

        public Http2Carriers Of(CarrierPool pool)
        {
            lock (_lock)
            {
                var own = _all.Find(c => c.Pool == pool) ?? new(pool);
                _all.Remove(own);
                foreach (var old in _all.FindAll(c => c.Pool.IsOver))
                {
                    Drop(old); // the pipe is another one by now
                }

                if (_all.Count == MostOfVisitor)
                {
                    Drop(_all[0]);
                }

                if (_isClosed)
                {
                    own.Dispose(); // nobody is left to be answered
                }
                else
                {
                    _all.Add(own);
                }

                return own;
            }
        }

        public void Close()
        {
            lock (_lock)
            {
                _isClosed = true;
                while (_all.Count > 0)
                {
                    Drop(_all[^1]);
                }
            }
        }

        private void Drop(Http2Carriers carriers)
        {
            _all.Remove(carriers);
            carriers.Dispose();
        }
    }
}
