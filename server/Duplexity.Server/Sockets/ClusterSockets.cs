using Duplexity.Protocol;
using Duplexity.Server.Cluster;

namespace Duplexity.Server.Sockets;

/// <summary>The sockets of all nodes, as their clients see them. A node that does not answer is left out. Thread-safe.</summary>
internal sealed class ClusterSockets(SocketIndex sockets, Node node, NodeBook nodes, NodeCalls calls)
{
    /// <summary>The sockets of a client (null: of everybody, once for each client that they hold), oldest first.</summary>
    public async Task<SocketInfo[]> ListAsync(string? client, CancellationToken ct)
    {
        var elsewhere = await calls.AskAllAsync<SocketsQuestion, SocketInfo[]>(nodes.Others, SocketsCall.Word, new(client, null), ct);
        return Together([.. Here(client), .. elsewhere.SelectMany(s => s)]);
    }

    /// <summary>One socket, wherever it is, once for each client that it holds; empty: there is none.</summary>
    public async Task<SocketInfo[]> FindAsync(string socketId, CancellationToken ct)
    {
        if (sockets.Find(socketId) is not null)
        {
            return Here(null, socketId);
        }

        return [.. (await calls.AskAllAsync<SocketsQuestion, SocketInfo[]>(nodes.Others, SocketsCall.Word, new(null, socketId), ct)).SelectMany(s => s)];
    }

    /// <summary>Narrows what a client may do from one of its sockets, wherever it is.</summary>
    public async Task<LimitSocketResponse> NarrowAsync(string client, string socketId, Allowances? allowances, CancellationToken ct)
    {
        if (NarrowHere(client, socketId, allowances) is { } done)
        {
            return done;
        }

        var answers = await calls.AskAllAsync<NarrowQuestion, LimitSocketResponse?>(nodes.Others, NarrowCall.Word, new(client, socketId, allowances), ct);
        return answers.OfType<LimitSocketResponse>().FirstOrDefault()
            ?? new() { Error = DuplexityError.Of(Errors.UnknownDestination, "socketId names none of this client's sockets.") };
    }

    /// <summary>Those of this node.</summary>
    public SocketInfo[] Here(string? client, string? socketId = null) =>
        socketId is not null ? sockets.Find(socketId) is { } socket ? [.. socket.Identities.Clients.Select(c => SocketInfos.Of(sockets, node, socket, c)).OfType<SocketInfo>()] : []
        : client is not null ? SocketInfos.Of(sockets, node, client)
        : SocketInfos.OfAll(sockets, node);

    /// <summary>The same at this node alone; null: the client has no such socket here.</summary>
    public LimitSocketResponse? NarrowHere(string client, string socketId, Allowances? allowances)
    {
        if (sockets.Find(socketId) is not { } socket || socket.Identities.Find(client) is not { } held)
        {
            return null;
        }

        if (held.Narrow(allowances))
        {
            socket.TellAllowances(held);
        }

        return new() { Allowances = held.Rules.Shown };
    }

    // How many sockets a client has is known to nobody before.
    private static SocketInfo[] Together(SocketInfo[] all)
    {
        var counts = all.CountBy(s => s.Client!).ToDictionary();
        return [.. all.Select(s => s with { Use = s.Use! with { Sockets = counts[s.Client!] } }).OrderBy(s => s.Since).ThenBy(s => s.SocketId, StringComparer.Ordinal)];
    }
}

/// <summary>Another node lists sockets.</summary>
internal sealed class SocketsCall(ClusterSockets sockets) : NodeCall<SocketsQuestion, SocketInfo[]>(Word)
{
    public const string Word = "sockets";

    /// <inheritdoc/>
    protected override ValueTask<SocketInfo[]> AnswerAsync(SocketsQuestion question, NodeInfo from, CancellationToken ct) => new(sockets.Here(question.Client, question.SocketId));
}

/// <param name="Client">Whose; null: everybody's.</param>
/// <param name="SocketId">Only that one; null: all.</param>
internal sealed record SocketsQuestion(string? Client, string? SocketId);

/// <summary>A client of another node narrows one of its sockets here.</summary>
internal sealed class NarrowCall(ClusterSockets sockets) : NodeCall<NarrowQuestion, LimitSocketResponse?>(Word)
{
    public const string Word = "narrow";

    /// <inheritdoc/>
    protected override ValueTask<LimitSocketResponse?> AnswerAsync(NarrowQuestion question, NodeInfo from, CancellationToken ct) =>
        new(sockets.NarrowHere(question.Client, question.SocketId, question.Allowances));
}

/// <param name="Client">Whose socket it is.</param>
/// <param name="SocketId">Which.</param>
/// <param name="Allowances">As in <see cref="LimitSocketRequest"/>.</param>
internal sealed record NarrowQuestion(string Client, string SocketId, Allowances? Allowances);
