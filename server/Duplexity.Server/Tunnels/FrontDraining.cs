using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>Empties a front before it is stopped: it is not ready from now on, and what visitors have begun may finish, for <see cref="TimeOptions.Drain"/> at most. Thread-safe.</summary>
internal sealed class FrontDraining(NodeBook nodes, Visitors visitors, IOptions<DuplexityOptions> options, TimeProvider time, ILogger<FrontDraining> logger)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Completes when nobody is being served, or after that time.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        var began = time.GetTimestamp();
        Log.FrontDrains(logger, visitors.Count);
        await nodes.DrainAsync(ct);
        while (visitors.Count > 0 && time.GetElapsedTime(began) < options.Value.Times.Drain)
        {
            await Task.Delay(Pause, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (ct.IsCancellationRequested)
            {
                return;
            }
        }
    }
}
