using Duplexity.Server.Cluster;

namespace Duplexity.Server.Hubs;

/// <summary>An administrator at another node wants this one to be emptied.</summary>
internal sealed class DrainCall(Draining draining) : NodeCall<DrainQuestion, bool>(Word)
{
    public const string Word = "drain";

    /// <inheritdoc/>
    protected override ValueTask<bool> AnswerAsync(DrainQuestion question, NodeInfo from, CancellationToken ct) => new(draining.Begin() is not null);
}

/// <param name="By">Who wants it.</param>
internal sealed record DrainQuestion(string By);
