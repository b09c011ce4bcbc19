using Duplexity.Server.Cluster;
using Duplexity.Server.Tunnels;

namespace Duplexity.Server.Hubs;

/// <summary>A node that is being emptied hands on no longer: what came here by way of it leaves that way. Idempotent.</summary>
internal sealed class LeaveCall(Draining draining, CarrierPools pools) : NodeCall<LeaveQuestion, int>(Word)
{
    public const string Word = "leave";

    /// <inheritdoc/>
    protected override ValueTask<int> AnswerAsync(LeaveQuestion question, NodeInfo from, CancellationToken ct)
    {
        pools.Leave(from.Name);
        return new(draining.LeadOut(from.Name));
    }
}

/// <summary>The question says all by whom it comes from.</summary>
internal sealed record LeaveQuestion;
