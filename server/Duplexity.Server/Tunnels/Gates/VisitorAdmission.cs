using System.Net;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>Counts a visitor who may come in and gives it what it may use of the pipe: both, or nothing. Thread-safe.</summary>
internal sealed class VisitorAdmission(VisitorCounts counts, VisitorAllotments allotments, ILogger<VisitorAdmission> logger)
{
    // When a visitor who finds too many there tries again, for we do not know when another one is through.
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);

    /// <summary>Admits a visitor of whom the address is all that is known, and whom the pipe's rules let in; null: it has to wait, for as long as <paramref name="wait"/> says.</summary>
    public Entered? TryEnter(PipeEntry entry, IPAddress address, out TimeSpan wait)
    {
        var network = PeerAddresses.NetworkOf(address);
        return TryEnter(entry, network, $"ip:{network}", out wait);
    }

    /// <summary>Admits a visitor whom the pipe's rules let in; null: it has to wait.</summary>
    /// <param name="entry">The pipe.</param>
    /// <param name="network">From where it comes.</param>
    /// <param name="key">What stands for it in the pipe's own limits.</param>
    /// <param name="wait">After a refusal: for how long.</param>
    public Entered? TryEnter(PipeEntry entry, IPAddress network, string key, out TimeSpan wait)
    {
        if (!counts.TryEnter(entry.Name, network, out var count, out var limit))
        {
            wait = Again;
            Log.VisitorHasToWait(logger, entry.Name, limit);
            return null;
        }

        if (allotments.TryEnter(entry, key, out wait) is { } allotment)
        {
            return new(allotment.Throttle, allotment, count);
        }

        Log.VisitorHasToWait(logger, entry.Name, "limits of the pipe");
        count?.Dispose();
        return null;
    }
}
