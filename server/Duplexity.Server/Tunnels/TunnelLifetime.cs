using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Tunnels;

/// <summary>Ends carriers when the node stops, which else would hold its listener open until the host loses patience.</summary>
internal sealed class TunnelLifetime(IHostApplicationLifetime lifetime, CarrierPools pools, TcpFront tcp, TimeProvider time, PublicPipes? pipes = null) : IHostedService, IDisposable
{
    // Most requests take less; a download or a WebSocket would take for ever.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    private ITimer? _cut;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _ = pipes; // exists from the start, so that it hears of every session's end; at a front there are none
        lifetime.ApplicationStopping.Register(() =>
        {
            tcp.Dispose();
            pools.EndAll(cut: false);
            _cut = time.CreateTimer(_ => pools.EndAll(cut: true), null, Grace, Timeout.InfiniteTimeSpan);
        });
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _cut?.Dispose();
}
