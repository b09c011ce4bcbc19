namespace Duplexity.Server.Tunnels;

/// <content>The carriers to a resource that speaks HTTP/2, which visitors share at the same time.</content>
internal sealed partial class CarrierPool
{
    private Http2Carriers? _http2;

    /// <summary>Whether the resource speaks HTTP/2: many visitors are on one carrier.</summary>
    public bool IsHttp2 { get; } = ResourceText.IsHttp2(route?.Resource ?? entry.Resource);

    /// <summary>The pool's HTTP/2 carriers. Where the node of the pipe's client has not confirmed them (G7), or the node by which they came is being emptied, new ones.</summary>
    /// <exception cref="CarryException">The pool is over.</exception>
    public Http2Carriers Http2()
    {
        Http2Carriers? old = null;
        try
        {
            lock (_lock)
            {
                if (_over)
                {
                    throw new CarryException(CarryFailure.Away);
                }

                if (_http2 is not null && !(IsConfirmed && _live.All(s => !s.IsLeaving)))
                {
                    old = _http2;
                    _http2 = null;
                }

                return _http2 ??= new(this);
            }
        }
        finally
        {
            old?.Dispose();
        }
    }
}
