using System.Diagnostics.Metrics;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Hubs;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Diagnostics;

/// <summary>What is there now, looked at when somebody asks. Each look is a count that is kept anyway, or a walk over what one node has; none asks the engine.</summary>
internal sealed class Gauges(
    Metrics metrics, IEngine engine, SocketIndex sockets, IdentityHolders holders, Sessions sessions, ChannelIndex channels, PipeTallies pipes) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        var meter = metrics.Meter;
        meter.CreateObservableUpDownCounter("duplexity.connections", Connections, "{connection}", "Connections (hub: control, data).");
        meter.CreateObservableUpDownCounter("duplexity.clients", () => sockets.ClientCount, "{client}", "Clients that have a socket here.");
        meter.CreateObservableUpDownCounter("duplexity.sessions", () => sessions.All.Count, "{session}", "Sessions of control connections, those that may come back included.");
        meter.CreateObservableUpDownCounter("duplexity.channels", () => channels.Count, "{channel}", "Channels that somebody listens to here.");
        meter.CreateObservableUpDownCounter("duplexity.pipes", () => pipes.Count, "{pipe}", "Public pipes that clients of this node have.");
        meter.CreateObservableUpDownCounter("duplexity.carriers", () => pipes.Carriers, "{carrier}", "Carriers that are open, idle ones included.");
        meter.CreateObservableGauge("duplexity.engine.away", () => engine.IsAway ? 1 : 0, "1", "1 while the engine's store is known not to be reached, else 0.");
        meter.CreateObservableGauge("duplexity.lease.left", Lease, "s", "For how long the node may still act without reaching its store; below nothing it is silent. Only where nodes share a store.");
        meter.CreateObservableCounter("duplexity.system_log.told", () => engine.SystemLog.Awaited, "{entry}", "What this node told all nodes and waited for, such as revocations.");
        meter.CreateObservableCounter("duplexity.system_log.unconfirmed", () => engine.SystemLog.Unconfirmed, "{node}", "Nodes that had not confirmed when this one stopped waiting for them.");
        meter.CreateObservableGauge("duplexity.log.size", LogSize, "By", "The message log's files on this node's disk.");
        meter.CreateObservableUpDownCounter("duplexity.append.waiting", () => engine.Log.Waiting, "{append}", "Appends that wait for this node's disk.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private IEnumerable<Measurement<int>> Connections() =>
    [
        new(holders.All.Count(h => h is ControlConnection), new KeyValuePair<string, object?>("hub", "control")),
        new(sockets.Count, new KeyValuePair<string, object?>("hub", "data")),
    ];

    private IEnumerable<Measurement<double>> Lease() => engine.Lease is { } lease ? [new(lease.Left.TotalSeconds)] : [];

    private IEnumerable<Measurement<long>> LogSize() => engine.Log.Size is { } size ? [new(size)] : [];
}
