using Duplexity.Server.Tunnels.Gates;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// One carrier with an HTTP/1.1 client of its own, which can never open a second connection: so a request goes to the carrier that it was given, once, or nowhere.
/// </summary>
internal sealed class HttpCarrier : IDisposable
{
    private readonly CarrierStream _carrier;
    private readonly HttpMessageInvoker _invoker;
    private int _connected;

    public HttpCarrier(CarrierStream carrier)
    {
        _carrier = carrier;
        Stream = new(carrier);
        var handler = CarrierHandler.Over((_, _) => Interlocked.Exchange(ref _connected, 1) == 0 ? new(Stream) : throw new CarrierSpentException());
        handler.MaxConnectionsPerServer = 1;
        handler.PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan;
        _invoker = new(handler);
    }

    public HttpCarrierStream Stream { get; }

    /// <summary>What the bytes of the visitor who has it wait for; null: nothing.</summary>
    public Throttle? Throttle
    {
        set => _carrier.Throttle = value;
    }

    /// <summary>When it was put down last, in ticks of the node's clock.</summary>
    public long IdleSince { get; set; }

    /// <summary>Whether it ends with what it carries now.</summary>
    public bool IsLeaving => _carrier.IsLeaving;

    /// <summary>Completes when the carrier is gone.</summary>
    public Task Finished => _carrier.Finished;

    /// <summary>Sends a request, and <paramref name="body"/> beside the answer.</summary>
    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, VisitBody? body, CancellationToken ct)
    {
        Stream.Begin(body);
        return _invoker.SendAsync(request, ct);
    }

    /// <summary>Whether nobody gets it any more: it is being closed in order.</summary>
    public bool IsRetired { get; private set; }

    /// <summary>Closes an idle carrier in order.</summary>
    public void Retire()
    {
        IsRetired = true;
        _carrier.Retire();
    }

    /// <summary>Cuts it.</summary>
    public void Dispose()
    {
        _carrier.Abort();
        _invoker.Dispose();
    }
}

/// <summary>The carrier's one connection is over: a request that finds this has not been sent.</summary>
internal sealed class CarrierSpentException() : IOException("The carrier is spent.");
