using System.Runtime.CompilerServices;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Hubs;

/// <summary>
/// Empties this node, once and for good, where another one takes its clients: nobody new is let in, those who are here are told in batches to open anew, who stays is closed, and what visitors have begun may finish. Thread-safe.
/// </summary>
internal sealed class Draining(
    NodeBook nodes, NodeCalls calls, IdentityHolders holders, Sessions sessions, Visitors visitors, ForwardedUpgrades forwarded, IHostApplicationLifetime lifetime, TimeProvider time, DuplexityOptions options, ILogger<Draining> logger)
{
    /// <summary>Between two batches; each client waits for a part of it that is drawn, so that they come one by one.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>A small node is emptied at once: this many connections are no crowd for the others.</summary>
    private const int LeastBatch = 50;

    /// <summary>Spreads those who came by way of another node: 2 ms for each.</summary>
    private const int MsEach = 2;

    private readonly ConditionalWeakTable<IIdentityHolder, string> _ledAway = [];
    private readonly Lock _lock = new();
    private Task? _running;
    private int _next;

    /// <summary>Begins; completes when the node is empty. Null: nothing is done, for there is no other node.</summary>
    public Task? Begin()
    {
        lock (_lock)
        {
            return _running ??= nodes.Successors.Count > 0 ? EmptyAsync(lifetime.ApplicationStopping) : null;
        }
    }

    /// <summary>The same; <paramref name="ct"/> ends the waiting only.</summary>
    public Task RunAsync(CancellationToken ct) => Begin()?.WaitAsync(ct) ?? Task.CompletedTask;

    private async Task EmptyAsync(CancellationToken stopping)
    {
        var began = time.GetTimestamp();
        try
        {
            Log.Drains(logger, holders.All.Count, nodes.Successors.Count);
            await nodes.DrainAsync(stopping);
            var telling = TellOthersAsync(stopping);
            var stayed = 0;
            do
            {
                // Who was let in while the node was marked comes in the second round.
                stayed += await LeadOutAsync(stopping);
            }
            while (holders.All.Count > 0 && nodes.SendsAway && IsInTime());

            if (await telling is var untold and > 0)
            {
                Log.NotToldToLead(logger, untold);
            }

            while (visitors.Count + forwarded.Count > 0 && IsInTime())
            {
                await Task.Delay(Pause, time, stopping);
                if (forwarded.Count > 0)
                {
                    // What was on its way when they were told has arrived by now.
                    await TellOthersAsync(stopping);
                }
            }

            Log.Drained(logger, stayed, visitors.Count, forwarded.Count);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Somebody is in a hurry: the stop tells who is still here.
        }

        bool IsInTime() => time.GetElapsedTime(began) < options.Times.Drain;
    }

    /// <summary>Those whose connections came in here and were handed on are led away by the nodes that have them; how many of these could not be told.</summary>
    private async Task<int> TellOthersAsync(CancellationToken stopping)
    {
        IReadOnlyCollection<NodeInfo> others = [.. nodes.Others, .. nodes.Fronts];
        return others.Count - (await calls.AskAllAsync<LeaveQuestion, int>(others, LeaveCall.Word, new(), stopping)).Count;
    }

    /// <summary>Another node is being emptied: whoever came to this one by way of it opens anew, by another way. How many these are.</summary>
    public int LeadOut(string via)
    {
        IIdentityHolder[] all = [.. holders.All.Where(h => h.Via == via)];
        var sessionsTold = all.OfType<ControlConnection>().SelectMany(c => c.Sessions).Select(s => (s.Client, s.Id)).ToHashSet();
        IIdentityHolder[] came = [.. all.Where(h => _ledAway.TryAdd(h, via)).Where(h => h is not Socket { SessionId: { } id } socket || !sessionsTold.Contains((socket.OpenedAs, id)))];
        var spread = TimeSpan.FromMilliseconds(Math.Clamp(came.Length * MsEach, Pause.TotalMilliseconds, Math.Max(Pause.TotalMilliseconds, options.Times.Drain.TotalMilliseconds / 8)));
        foreach (var holder in came)
        {
            holder.Tell(Away(nodes.Self.Url, spread));
            _ = WaitOrCloseAsync(holder, lifetime.ApplicationStopping);
        }

        return came.Length;
    }

    /// <summary>Leads out whoever is here now; returns how many had to be closed.</summary>
    private async Task<int> LeadOutAsync(CancellationToken stopping)
    {
        var all = holders.All.ToLookup(IsToldOnControl);
        IIdentityHolder[] told = [.. all[false]];
        Random.Shared.Shuffle(told);
        var batches = Math.Max(1, (int)(options.Times.Drain / 2 / Pause));
        List<Task<bool>> leaving = [];
        foreach (var batch in told.Chunk(Math.Max(LeastBatch, (told.Length + batches - 1) / batches)))
        {
            leaving.AddRange(batch.Select(holder => LeadOutAsync(holder, isTold: true, stopping)));
            if (leaving.Count < told.Length)
            {
                await Task.Delay(Pause, time, stopping);
            }
        }

        leaving.AddRange(all[true].Select(holder => LeadOutAsync(holder, isTold: false, stopping)));
        return (await Task.WhenAll(leaving)).Count(left => !left);
    }

    /// <summary>True: it left by itself.</summary>
    private async Task<bool> LeadOutAsync(IIdentityHolder holder, bool isTold, CancellationToken stopping)
    {
        if (isTold)
        {
            holder.Tell(Away(Successor()?.Url, Pause));
        }

        return await WaitOrCloseAsync(holder, stopping);
    }

    private static DrainingEvent Away(Uri? to, TimeSpan spread) => new() { Uri = to?.AbsoluteUri, RetryAfterMs = Random.Shared.Next((int)spread.TotalMilliseconds) };

    /// <summary>Waits until it has left, and closes it if it does not; whether it left by itself.</summary>
    private async Task<bool> WaitOrCloseAsync(IIdentityHolder holder, CancellationToken stopping)
    {
        if (await IsGoneAsync(options.Times.Drain / 4))
        {
            return true;
        }

        holder.End(Errors.MovedElsewhere, "This node, or one by way of which you came, is being emptied; connect again.", isAsked: false);
        await IsGoneAsync(options.Times.LastWord * 2);
        return false;

        async Task<bool> IsGoneAsync(TimeSpan within)
        {
            try
            {
                await holder.Gone.WaitAsync(within, time, stopping);
                return true;
            }
            catch (TimeoutException)
            {
                return false;
            }
        }
    }

    private bool IsToldOnControl(IIdentityHolder holder) => holder is Socket { SessionId: { } id } socket && sessions.Find(socket.OpenedAs, id)?.Link is not null;

    /// <summary>The others in turn.</summary>
    private NodeInfo? Successor() => nodes.Successors is { Count: > 0 } successors ? successors[(int)((uint)Interlocked.Increment(ref _next) % successors.Count)] : null;
}
