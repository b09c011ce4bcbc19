using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Messages to sockets of other nodes. Who follows a socket's own channel is in the engine, so a socket that is nowhere costs one look there and no node is asked in vain; the one that has it decides as it does for its own clients
/// (the socket's owner, a socket open to anyone, an answer that it waits for). Thread-safe.
/// </summary>
internal sealed class ClusterReach(IEngine engine, SocketIndex sockets, NodeBook nodes, NodeCalls calls) : IFarReach
{
    /// <inheritdoc/>
    public bool IsPossible(string socketId) => nodes.IsShared && sockets.Find(socketId) is null;

    /// <inheritdoc/>
    public async ValueTask<bool> ReachesAsync(string socketId, Sender sender, string? re, CancellationToken ct = default)
    {
        foreach (var life in await engine.Log.FollowersAsync(Address.Socket(socketId), ct))
        {
            if (life != engine.Node && await nodes.FindAsync(life[..life.LastIndexOf('.')], ct) is { } node
                && await AskAsync(node, new ReachQuestion(socketId, sender.Client, sender.IsServer, re), ct))
            {
                return true;
            }
        }

        return false;
    }

    private async Task<bool> AskAsync(NodeInfo node, ReachQuestion question, CancellationToken ct)
    {
        try
        {
            return await calls.AskAsync<ReachQuestion, bool>(node, ReachCall.Word, question, ct);
        }
        catch (NodeRefusedException e)
        {
            throw new DuplexityException(DuplexityError.Of(Errors.Unavailable, "The node of this socket cannot be reached now; try again in a moment."), e);
        }
    }
}

/// <summary>A client of another node sends to a socket here.</summary>
internal sealed class ReachCall(AllowanceGate gate) : NodeCall<ReachQuestion, bool>(Word)
{
    public const string Word = "reach";

    /// <inheritdoc/>
    protected override ValueTask<bool> AnswerAsync(ReachQuestion question, NodeInfo from, CancellationToken ct) =>
        new(gate.Reaches(question.SocketId, question.Client, question.IsServer, question.Re));
}

/// <param name="SocketId">To which socket.</param>
/// <param name="Client">Who sends.</param>
/// <param name="IsServer">Whether the application does.</param>
/// <param name="Re">To which message this is the answer.</param>
internal sealed record ReachQuestion(string SocketId, string Client, bool IsServer, string? Re);
