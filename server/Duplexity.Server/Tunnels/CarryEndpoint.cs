using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary><c>/data/carry</c>: takes the WebSocket that a client opens for a carry order.</summary>
internal sealed class CarryEndpoint(CarryDesk desk, NodeBook nodes, IOptions<DuplexityOptions> options, Metrics metrics, TimeProvider time)
{
    // Until when what is carried is carried: as long as the node may act, or as long as it likes.
    private readonly ActingLease? _lease = options.Value.Pipes.KeepStreams ? null : nodes.Lease;

    /// <summary>How the WebSockets of carriers, and of those who dial, are kept open.</summary>
    public static WebSocketAcceptContext AsCarrier => new()
    {
        KeepAliveInterval = TimeSpan.FromSeconds(15), // below the idle time-outs of common proxies
        KeepAliveTimeout = Timeout.InfiniteTimeSpan, // a finite one aborts every half-closed carrier (measured)
    };

    public async Task HandleAsync(HttpContext context)
    {
        if (context.Features.Get<Identity>() is not { } identity || !identity.IsValidAt(time.GetUtcNow()))
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }

        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            context.Response.Headers.Upgrade = "websocket";
            return;
        }

        var shown = context.Request.Headers[Wire.CarryHeader];
        if (desk.Claim(shown.Count == 1 ? shown[0] : null, identity.Client) is not { } order)
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden; // unknown, used, expired, another's: one answer for all
            return;
        }

        using var socket = await context.WebSockets.AcceptWebSocketAsync(AsCarrier);
        await using var stream = new CarrierStream(socket, _lease, metrics, time) { Via = context.Features.Get<HandedOn>()?.Via };
        if (order.TryDeliver(stream))
        {
            await stream.Finished;
            if (stream.WasCut)
            {
                // A WebSocket's Abort ends its streams, not the connection: with a download under way the client would go on sending to nobody.
                context.Abort();
            }
        }
    }
}
