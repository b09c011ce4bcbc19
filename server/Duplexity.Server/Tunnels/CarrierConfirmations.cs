using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Asks the nodes of the clients whose pipes have carriers here whether they are as they were (G7): a carrier runs from the client straight to this node, and asks nobody. One that is not confirmed is not used again, one of a registration that
/// is over is cut.
/// </summary>
internal sealed class CarrierConfirmations(NodeBook nodes, NodeCalls calls, CarrierPools pools, PipeChanges changes, BackendRegistry backend, TimeProvider time, ILogger<CarrierConfirmations> logger) : BackgroundService
{
    /// <summary>G7.</summary>
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Every, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await RoundAsync(stoppingToken);
        }
    }

    /// <summary>Asks once about all of them.</summary>
    internal Task RoundAsync(CancellationToken ct) => Task.WhenAll(pools.Elsewhere.GroupBy(p => p.Entry.Node).Select(group => AskAsync(group.Key, [.. group], ct)));

    /// <summary>It is not what was believed: changed in place, of which this node has not heard yet, or over.</summary>
    private async Task RepairAsync(PipeEntry believed, CancellationToken ct)
    {
        backend.Forget([believed.Name]);
        if ((await backend.ReadAllAsync(believed.Name, ct)).FirstOrDefault(e => e.IsOf(believed) && e.Node == believed.Node) is { } now)
        {
            changes.Take([now]);
        }
        else
        {
            pools.End(believed, cut: true);
        }
    }

    private async Task AskAsync(string node, CarrierPool[] asked, CancellationToken ct)
    {
        // A node that is gone confirms nothing, and what it had is registered anew, elsewhere, or not at all.
        if (nodes.Find(node) is not { } owner)
        {
            return;
        }

        try
        {
            var from = time.GetTimestamp();
            var holds = await calls.AskAsync<PipeEntry[], bool[]>(owner, ConfirmCall.Word, [.. asked.Select(p => p.Entry)], ct);
            foreach (var (pool, isSo) in asked.Zip(holds))
            {
                if (isSo)
                {
                    pool.Confirm(from);
                }
                else
                {
                    await RepairAsync(pool.Entry, ct);
                }
            }
        }
        catch (Exception e) when (e is DuplexityException or NodeRefusedException)
        {
            Log.NotConfirmed(logger, asked.Length, e);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The node stops.
        }
    }
}

/// <summary>Whether registrations are still what another node, which has carriers of theirs, believes, and where it is a front, still for fronts.</summary>
internal sealed class ConfirmCall(BackendRegistry backend, Node node) : NodeCall<PipeEntry[], bool[]>(Word)
{
    public const string Word = "confirm";

    /// <inheritdoc/>
    public override bool IsForFronts => true;

    /// <inheritdoc/>
    protected override async ValueTask<bool[]> AnswerAsync(PipeEntry[] question, NodeInfo from, CancellationToken ct) =>
        await Task.WhenAll(question.Select(async asked => (await backend.ReadAllAsync(asked.Name, ct)).Any(e => e.IsSameAs(asked) && e.Node == node.Name && (!from.IsFront || FrontView.Has(e)))));
}
