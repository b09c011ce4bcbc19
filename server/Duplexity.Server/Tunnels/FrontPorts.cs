using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels;

/// <summary>The ports at which a front listens: those of its own range (<see cref="PipesOptions.Ports"/>) at which the nodes have TCP pipes, as a node tells it every moment. Thread-safe.</summary>
internal sealed class FrontPorts(FrontLedger ledger, TcpFront tcp, PipeNames names, TimeProvider time, ILogger<FrontPorts> logger) : IHostedService
{
    /// <summary>For how long a port that was opened is not closed because a node does not name it: what it says may be older.</summary>
    private static readonly TimeSpan Settles = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<int, long> _open = [];
    private readonly HashSet<int> _inUse = [];

    public Task StartAsync(CancellationToken cancellationToken)
    {
        ledger.PortsHeard += Hear;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        ledger.PortsHeard -= Hear;
        return Task.CompletedTask;
    }

    /// <summary>Opens ports.</summary>
    public void Open(IEnumerable<int> ports)
    {
        lock (_lock)
        {
            foreach (var port in ports.Where(p => names.Ports is var (first, last) && p >= first && p <= last))
            {
                if (tcp.TryOpen(port))
                {
                    _open.TryAdd(port, time.GetTimestamp());
                    _inUse.Remove(port);
                }
                else if (_inUse.Add(port))
                {
                    Log.FrontPortNotOpened(logger, port);
                }
            }
        }
    }

    private void Hear(int[] ports)
    {
        Open(ports);
        lock (_lock)
        {
            foreach (var (port, _) in _open.Where(p => !ports.Contains(p.Key) && time.GetElapsedTime(p.Value) > Settles).ToArray())
            {
                _open.Remove(port);
                tcp.Close(port);
            }
        }
    }
}
