using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>The exchanges of the registrations of a name wherever they are kept: at each node where there were visitors. Who asks has the right to. Thread-safe.</summary>
internal sealed class ExchangeReach(ExchangeStore store, ExchangeReplayer replayer, Node node, NodeBook nodes, NodeCalls calls)
{
    /// <summary>The newest of all nodes that answer, oldest first; and each node's place behind them.</summary>
    public async Task<(KeptExchange[] Exchanges, Dictionary<string, long> Places)> LastAsync(PipeEntry[] entries, int most, CancellationToken ct)
    {
        var here = store.Page(entries, null, most);
        var there = await calls.AskAllAsync<PageQuestion, PageAnswer>(nodes.Others, ExchangePageCall.Word, new(entries, null, most), ct);
        var places = there.ToDictionary(a => a.Node, a => a.Page.Through);
        places[node.Name] = here.Through;
        return ([.. there.SelectMany(a => a.Page.Exchanges).Concat(here.Exchanges).OrderBy(e => e.At).ThenBy(e => e.Id, StringComparer.Ordinal).TakeLast(most)], places);
    }

    /// <summary>What this node has behind a place.</summary>
    public ExchangePage Here(PipeEntry[] entries, long after, int most) => store.Page(entries, after, most);

    /// <summary>What another node has behind a place.</summary>
    public async Task<ExchangePage> ThereAsync(NodeInfo at, PipeEntry[] entries, long after, int most, CancellationToken ct) =>
        (await calls.AskAsync<PageQuestion, PageAnswer>(at, ExchangePageCall.Word, new(entries, after, most), ct)).Page;

    /// <summary>One exchange.</summary>
    public async Task<ReadExchangeResponse> ReadAsync(PipeEntry[] entries, string id, CancellationToken ct) => await FindAsync(id, ct) switch
    {
        { IsHere: true } => ReadHere(entries, id),
        { There: { } there } => await calls.AskAsync<ReadQuestion, ReadExchangeResponse>(there, ReadExchangeCall.Word, new(entries, id), ct),
        _ => new() { Error = ExchangeReplayer.NotKept() },
    };

    /// <summary>One exchange that this node keeps.</summary>
    public ReadExchangeResponse ReadHere(PipeEntry[] entries, string id) => store.Read(entries, id) switch
    {
        (_, null, false) => new() { Error = ExchangeReplayer.NotKept() },
        var (_, exchange, _) => new() { Exchange = exchange },
    };

    /// <summary>Begins a replay, at the node that keeps the exchange.</summary>
    public async Task<ReplayExchangeResponse> ReplayAsync(PipeEntry[] entries, ReplayExchangeRequest request, string by, CancellationToken ct) => await FindAsync(request.Id ?? "", ct) switch
    {
        { IsHere: true } => await replayer.BeginAsync(entries, request, by, ct),
        { There: { } there } => await calls.AskAsync<ReplayQuestion, ReplayExchangeResponse>(there, ReplayExchangeCall.Word, new(entries, request, by), ct),
        _ => new() { Error = ExchangeReplayer.NotKept() },
    };

    private async ValueTask<(bool IsHere, NodeInfo? There)> FindAsync(string id, CancellationToken ct)
    {
        var at = ExchangeStore.NodeOf(id);
        return at is null ? default : at == node.Name ? (true, null) : (false, await nodes.FindAsync(at, ct));
    }
}

/// <summary>Another node asks for exchanges that are kept here.</summary>
internal sealed class ExchangePageCall(ExchangeStore store, Node node) : NodeCall<PageQuestion, PageAnswer>(Word)
{
    public const string Word = "exchange-page";

    /// <inheritdoc/>
    protected override ValueTask<PageAnswer> AnswerAsync(PageQuestion question, NodeInfo from, CancellationToken ct) =>
        new(new PageAnswer(node.Name, store.Page(question.Entries, question.After, Math.Clamp(question.Most, 0, Wire.MaxPage))));
}

/// <param name="Entries">The registrations of the name as the asking node has them.</param>
/// <param name="After">Behind which place; null: the newest.</param>
/// <param name="Most">At most so many.</param>
internal sealed record PageQuestion(PipeEntry[] Entries, long? After, int Most);

/// <param name="Node">Who answers.</param>
/// <param name="Page">What it has.</param>
internal sealed record PageAnswer(string Node, ExchangePage Page);

/// <summary>Another node asks for an exchange that is kept here.</summary>
internal sealed class ReadExchangeCall(ExchangeReach reach) : NodeCall<ReadQuestion, ReadExchangeResponse>(Word)
{
    public const string Word = "exchange";

    /// <inheritdoc/>
    protected override ValueTask<ReadExchangeResponse> AnswerAsync(ReadQuestion question, NodeInfo from, CancellationToken ct) => new(reach.ReadHere(question.Entries, question.Id));
}

/// <param name="Entries">The registrations of the name as the asking node has them.</param>
/// <param name="Id">The exchange.</param>
internal sealed record ReadQuestion(PipeEntry[] Entries, string Id);

/// <summary>Another node asks for a replay of an exchange that is kept here.</summary>
internal sealed class ReplayExchangeCall(ExchangeReplayer replayer) : NodeCall<ReplayQuestion, ReplayExchangeResponse>(Word)
{
    public const string Word = "exchange-replay";

    /// <inheritdoc/>
    protected override async ValueTask<ReplayExchangeResponse> AnswerAsync(ReplayQuestion question, NodeInfo from, CancellationToken ct) =>
        await replayer.BeginAsync(question.Entries, question.Request, question.By, ct);
}

/// <param name="Entries">The registrations of the name as the asking node has them.</param>
/// <param name="Request">What is asked for.</param>
/// <param name="By">Who asks.</param>
internal sealed record ReplayQuestion(PipeEntry[] Entries, ReplayExchangeRequest Request, string By);
