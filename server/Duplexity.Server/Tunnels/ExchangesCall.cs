using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;

namespace Duplexity.Server.Tunnels;

/// <summary>What visitors at another node did with the pipes of a client of this one; a front knows of those that fronts have (G18).</summary>
internal sealed class ExchangesCall(ExchangeFeed exchanges, BackendRegistry backend) : NodeCall<ExchangesQuestion, bool>(Word)
{
    public const string Word = "exchanges";

    /// <inheritdoc/>
    public override bool IsForFronts => true;

    /// <inheritdoc/>
    protected override async ValueTask<bool> AnswerAsync(ExchangesQuestion question, NodeInfo from, CancellationToken ct)
    {
        if (question is not { Client: not null, Session: not null, Batch.Exchanges: not null } || Array.Exists(question.Batch.Exchanges, e => e?.Pipe is null))
        {
            throw new JsonException("What is told is of a session's pipes.");
        }

        var batch = from.IsFront ? question.Batch with { Exchanges = await OfFrontsAsync(question, ct) } : question.Batch;
        await exchanges.TellHereAsync(question.Client, question.Session, batch);
        return true;
    }

    private async Task<ExchangeInfo[]> OfFrontsAsync(ExchangesQuestion question, CancellationToken ct)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in question.Batch.Exchanges.Select(e => e.Pipe).Distinct())
        {
            if ((await backend.LocateAllAsync(name, ct)).Any(e => e.Client == question.Client && e.Session == question.Session && FrontView.Has(e)))
            {
                known.Add(name);
            }
        }

        return Array.FindAll(question.Batch.Exchanges, e => known.Contains(e.Pipe));
    }
}

/// <param name="Client">The owner.</param>
/// <param name="Session">The owner's session.</param>
/// <param name="Batch">What it is told.</param>
internal sealed record ExchangesQuestion(string Client, string Session, ExchangesEvent Batch);
