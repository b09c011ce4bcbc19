using System.Diagnostics.Metrics;
using Duplexity.Server.Cluster;
using Duplexity.Server.Tunnels;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Diagnostics;

/// <summary>What is there now at a front, under the names that nodes have for it.</summary>
internal sealed class FrontGauges(Metrics metrics, NodeBook nodes, PipeTallies pipes) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        metrics.Meter.CreateObservableUpDownCounter("duplexity.carriers", () => pipes.Carriers, "{carrier}", "Carriers that are open, idle ones included.");
        metrics.Meter.CreateObservableGauge("duplexity.lease.left", Lease, "s", "For how long the node may still act without reaching its store; below nothing it is silent. Only where nodes share a store.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private IEnumerable<Measurement<double>> Lease() => nodes.Lease is { } lease ? [new(lease.Left.TotalSeconds)] : [];
}
