using Duplexity.Protocol;
using Duplexity.Server.Cluster;

namespace Duplexity.Server.Tunnels;

/// <summary>What visitors at another node did with the pipes of a client of this one.</summary>
internal sealed class ExchangesCall(ExchangeFeed exchanges) : NodeCall<ExchangesQuestion, bool>(Word)
{
    public const string Word = "exchanges";

    /// <inheritdoc/>
    public override bool IsForFronts => true;

    /// <inheritdoc/>
    protected override async ValueTask<bool> AnswerAsync(ExchangesQuestion question, NodeInfo from, CancellationToken ct)
    {
        await exchanges.TellHereAsync(question.Client, question.Session, question.Batch);
        return true;
    }
}

/// <param name="Client">The owner.</param>
/// <param name="Session">The owner's session.</param>
/// <param name="Batch">What it is told.</param>
internal sealed record ExchangesQuestion(string Client, string Session, ExchangesEvent Batch);
