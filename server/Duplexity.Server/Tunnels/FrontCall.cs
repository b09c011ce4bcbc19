using System.Text.Json;
using Duplexity.Server.Cluster;

namespace Duplexity.Server.Tunnels;

/// <summary>A front is there, and asks who else is, and at which ports visitors come.</summary>
internal sealed class FrontCall(NodeBook nodes, TcpFront tcp) : NodeCall<FrontQuestion, FrontAnswer>(FrontQuestion.Word)
{
    // What is kept of a front is ours and small, whatever it says.
    private const int LongestName = 32;
    private const int LongestUrl = 2_048;
    private const int MostLoads = 16;

    /// <inheritdoc/>
    public override bool IsForFronts => true;

    /// <inheritdoc/>
    public override bool IsForNewcomers => true;

    /// <inheritdoc/>
    protected override async ValueTask<FrontAnswer> AnswerAsync(FrontQuestion question, NodeInfo from, CancellationToken ct)
    {
        if (question.Front is not { Name: not null, Life: not null, Version: not null, Load: not null } said)
        {
            throw new JsonException("A front says all of itself.");
        }

        var front = said with { IsFront = true };
        if (from.Name != NodeSignature.IdOf(front.Name, front.Life) || front.Name.Length is 0 or > LongestName || front.Life.Length is 0 or > LongestName || front.Version.Length > LongestName
            || front.Load.Count > MostLoads || front.Url?.OriginalString.Length > LongestUrl || front.InternalUrl?.OriginalString.Length > LongestUrl)
        {
            return new([], [], "This is not what a front says of itself.");
        }

        var problem = await nodes.WelcomeAsync(front, ct);
        return problem is null ? new([.. nodes.Others, nodes.Self], [.. tcp.Ports]) : new([], [], problem);
    }
}
