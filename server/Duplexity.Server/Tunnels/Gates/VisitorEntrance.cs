using System.Net;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Away;
using Duplexity.Server.Tunnels.Inspection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>The way in to a pipe: how many there may be at once, the gates, what each may use, and that it is let go when it may not stay. Thread-safe.</summary>
internal sealed class VisitorEntrance(
    VisitorAdmission admission, VisitorCounts counts, VisitorGates gates, VisitorAllotments allotments, LiveVisits live, PeerAddresses peers, ILogger<VisitorEntrance> logger) : IVisitorEntrance
{
    /// <inheritdoc/>
    public async ValueTask<Entered?> EnterAsync(HttpContext context, PipeEntry entry)
    {
        var replay = context.Features.Get<Replay>();
        if (replay is QueuedReplay { Request: var kept })
        {
            // It came in when it was kept. Nobody waits for it, and of each pipe there is one at a time.
            gates.Vouch(Visitor.Of(context, peers), entry, kept);
            return new(null);
        }

        if (replay is not null)
        {
            // The owner or an administrator sends it again: a visit of theirs, with which nobody else's identity goes (G15).
            GateNotes.Add(context, "visitors", "its owner's");
            return new(null);
        }

        var isAgain = context.Features.Get<Visitor>() is not null;
        var visitor = Visitor.Of(context, peers);
        IDisposable? count = null;
        if (!isAgain && !counts.TryEnter(entry.Name, PeerAddresses.NetworkOf(visitor.Address), out count, out var limit))
        {
            Log.VisitorHasToWait(logger, entry.Name, limit);
            await VisitorPages.TooManyAsync(context, 1, VisitorPages.TooMany);
            return null;
        }

        Allotment? allotment = null;
        try
        {
            if (await gates.PassAsync(visitor, entry) is not { } pass)
            {
                return null;
            }

            if (visitor.Allotment is null && (visitor.Allotment = allotment = allotments.TryEnter(entry, pass.Key, out var wait)) is null)
            {
                Log.VisitorHasToWait(logger, entry.Name, "limits of the pipe");
                await VisitorPages.TooManyAsync(context, (int)Math.Ceiling(wait.TotalSeconds), VisitorPages.TooMany);
                return null;
            }

            var entered = new Entered(visitor.Allotment.Throttle, live.Begin(new PassedVisit(gates, pass, entry, context.Abort)), allotment, count);
            (allotment, count) = (null, null);
            return entered;
        }
        finally
        {
            allotment?.Dispose();
            count?.Dispose();
        }
    }

    /// <inheritdoc/>
    public Entered? TryEnter(IPAddress address, PipeEntry entry) => gates.Lets(address, entry) ? admission.TryEnter(entry, address, out _) : null;

    /// <inheritdoc/>
    public bool Lets(IPAddress address, PipeEntry entry) => gates.Lets(address, entry);
}

/// <summary>How many requests and connections of visitors there are at once, of each address and at each pipe (G24). Thread-safe.</summary>
internal sealed class VisitorCounts(IOptions<DuplexityOptions> options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _byPipe = new(StringComparer.Ordinal);
    private readonly Dictionary<IPAddress, int> _byNetwork = [];

    /// <summary>Counts one more until <paramref name="count"/> is disposed; false, with the limit's name, where there are too many.</summary>
    public bool TryEnter(string pipe, IPAddress network, out IDisposable? count, out string limit)
    {
        var limits = options.Value.Limits;
        lock (_lock)
        {
            var (atPipe, ofNetwork) = (_byPipe.GetValueOrDefault(pipe), _byNetwork.GetValueOrDefault(network));
            limit = ofNetwork >= limits.VisitorsPerAddress ? "visitors_per_address" : atPipe >= limits.VisitorsPerPipe ? "visitors_per_pipe" : "";
            if (limit.Length > 0)
            {
                count = null;
                return false;
            }

            (_byPipe[pipe], _byNetwork[network]) = (atPipe + 1, ofNetwork + 1);
        }

        count = new Allotment(() => Leave(pipe, network));
        return true;
    }

    private void Leave(string pipe, IPAddress network)
    {
        lock (_lock)
        {
            if (--_byPipe[pipe] == 0)
            {
                _byPipe.Remove(pipe);
            }

            if (--_byNetwork[network] == 0)
            {
                _byNetwork.Remove(network);
            }
        }
    }
}
