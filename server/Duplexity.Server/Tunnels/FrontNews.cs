using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Tells the fronts which registrations are over, and at which ports visitors come: the node where it happens does, for a front hears nothing of what all nodes are told. One that does not hear finds out when it asks whether its carriers
/// are confirmed (G7). Thread-safe.
/// </summary>
internal sealed class FrontNews(NodeBook nodes, NodeCalls calls, ILogger<FrontNews> logger)
{
    /// <summary>Completes when all fronts have done it, or are known not to answer. Of <paramref name="changed"/> each is told what it may know: <see cref="FrontView"/>.</summary>
    public async Task TellAsync(OverQuestion news, IReadOnlyList<ChangedPipe> changed)
    {
        if (nodes.Fronts is not { Count: > 0 } fronts)
        {
            return;
        }

        // A front has nothing of the others that could be over. Names alone tell it what to ask anew.
        news = news with { Over = FrontView.Of(news.Over), Joined = [.. news.Joined.Where(name => !PrivateNames.IsPrivate(name))], Changed = FrontView.After(changed) };
        if (news.Over.Length + news.Opened.Length + news.Joined.Length + news.Changed.Length == 0)
        {
            return;
        }

        var told = await calls.AskAllAsync<OverQuestion, bool>(fronts, OverCall.Word, news, CancellationToken.None);
        if (told.Count < fronts.Count)
        {
            Log.FrontsNotTold(logger, fronts.Count - told.Count);
        }
    }
}

/// <summary>At a front: registrations have changed.</summary>
internal sealed class OverCall(PipeChanges changes, FrontPorts front, PipePorts ports) : NodeCall<OverQuestion, bool>(Word)
{
    public const string Word = "over";

    /// <inheritdoc/>
    protected override async ValueTask<bool> AnswerAsync(OverQuestion question, NodeInfo from, CancellationToken ct)
    {
        changes.Take(question);
        front.Open(question.Opened.Select(PipePorts.PortOf));
        await ports.CloseUnusedAsync(question.Over);
        return true;
    }
}

/// <param name="Over">Registrations that are over.</param>
/// <param name="IsCut">Whether visitors who are being served have no grace.</param>
/// <param name="Session">Whose the new ones are; others of the same owner were taken over. Null: nobody's.</param>
/// <param name="Opened">Ports of TCP pipes that are new, as <c>:PORT</c>.</param>
/// <param name="Joined">New names that other sessions, or a wildcard, served before.</param>
/// <param name="Changed">Registrations that were changed in place, or made anew by their session, as they are now.</param>
internal sealed record OverQuestion(PipeEntry[] Over, bool IsCut, string? Session, string[] Opened, string[] Joined, PipeEntry[] Changed)
{
    /// <summary>Whether one that is over was another session's, from which the name was taken.</summary>
    public bool TakesOver(PipeEntry over) => Session is not null && over.Session != Session;
}

/// <summary>At a front: a node is being emptied, by way of which carriers came here.</summary>
internal sealed class FrontLeaveCall(CarrierPools pools) : NodeCall<object, int>(Word)
{
    public const string Word = "leave";

    /// <inheritdoc/>
    protected override ValueTask<int> AnswerAsync(object question, NodeInfo from, CancellationToken ct)
    {
        pools.Leave(from.Name);
        return new(0);
    }
}
