using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels;

/// <summary>A front has a visitor for a name. Answered as the engine has it now, for whoever asks remembers it for as long as it may be remembered (G7), and as fronts may have it: nobody else asks (G18).</summary>
internal sealed class LocateCall(BackendRegistry backend) : NodeCall<LocateQuestion, PipeEntry[]>(LocateQuestion.Word)
{
    /// <summary>Of a hostname.</summary>
    private const int LongestName = 253;

    /// <inheritdoc/>
    public override bool IsForFronts => true;

    /// <inheritdoc/>
    protected override async ValueTask<PipeEntry[]> AnswerAsync(LocateQuestion question, NodeInfo from, CancellationToken ct) => question.Name is { Length: > 0 and <= LongestName } name
        ? FrontView.Of(question.IsExact ? await backend.ReadAllAsync(name, ct) : await backend.FindAllAsync(name, ct))
        : [];
}
