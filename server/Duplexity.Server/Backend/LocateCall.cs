using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Backend;

/// <summary>A front has a visitor for a name. Answered as the engine has it now: whoever asks remembers it for as long as it may be remembered (G7).</summary>
internal sealed class LocateCall(BackendRegistry backend) : NodeCall<LocateQuestion, PipeEntry[]>(Word)
{
    public const string Word = "locate";

    /// <summary>Of a hostname.</summary>
    private const int LongestName = 253;

    /// <inheritdoc/>
    public override bool IsForFronts => true;

    /// <inheritdoc/>
    protected override async ValueTask<PipeEntry[]> AnswerAsync(LocateQuestion question, NodeInfo from, CancellationToken ct) => question.Name is { Length: > 0 and <= LongestName } name
        ? [.. question.IsExact ? await backend.ReadAllAsync(name, ct) : await backend.FindAllAsync(name, ct)]
        : [];
}

/// <param name="Name">The hostname, or <c>:PORT</c>, as keys are.</param>
/// <param name="IsExact">Whether the registrations of just this name are asked for, and not who serves its visitors.</param>
internal sealed record LocateQuestion(string Name, bool IsExact);
