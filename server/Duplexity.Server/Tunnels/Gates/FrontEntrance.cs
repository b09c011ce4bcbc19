using System.Net;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>
/// The way in at a front, which knows nobody: it has no tokens, no revocations and no grants (G18). It serves what is public and what addresses alone are let in to; pipes whose visitors have to be known are served by the nodes.
/// </summary>
internal sealed class FrontEntrance(VisitorCounts counts, VisitorAllotments allotments, PeerAddresses peers, ILogger<FrontEntrance> logger) : IVisitorEntrance
{
    /// <inheritdoc/>
    public async ValueTask<Entered?> EnterAsync(HttpContext context, PipeEntry entry)
    {
        var address = peers.Of(context);
        if (!Lets(address, entry))
        {
            await VisitorPages.NotAtAFrontAsync(context);
            return null;
        }

        if (TryCount(address, entry, out var wait) is { } entered)
        {
            return entered;
        }

        await VisitorPages.TooManyAsync(context, (int)Math.Ceiling(wait.TotalSeconds), VisitorPages.TooMany);
        return null;
    }

    /// <inheritdoc/>
    public Entered? TryEnter(IPAddress address, PipeEntry entry) => Lets(address, entry) ? TryCount(address, entry, out _) : null;

    /// <inheritdoc/>
    public bool Lets(IPAddress address, PipeEntry entry) =>
        VisitorRule.TryRead(entry.Settings.Visitors ?? VisitorRule.Public, out var rules, out _)
        && rules.Any(r => r.Kind == VisitorRule.Public || (r.Kind == VisitorRule.Ip && VisitorRule.NetworkOf(r.Value) is { } network && network.Contains(address)));

    private Entered? TryCount(IPAddress address, PipeEntry entry, out TimeSpan wait)
    {
        wait = TimeSpan.FromSeconds(1);
        var network = PeerAddresses.NetworkOf(address);
        if (!counts.TryEnter(entry.Name, network, out var count, out var limit))
        {
            Log.VisitorHasToWait(logger, entry.Name, limit);
            return null;
        }

        if (allotments.TryEnter(entry, $"ip:{network}", out wait) is { } allotment)
        {
            return new(allotment.Throttle, allotment, count);
        }

        Log.VisitorHasToWait(logger, entry.Name, "limits of the pipe");
        count?.Dispose();
        return null;
    }
}
