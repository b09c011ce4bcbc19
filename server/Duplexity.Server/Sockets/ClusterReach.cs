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
        try
        {
            foreach (var id in await engine.Log.NodesFollowingAsync(Address.Socket(socketId), ct))
            {
                if (id != engine.Node && await nodes.FindAsync(id[..Math.Max(0, id.LastIndexOf('.'))], ct) is { } node
                    && await calls.AskAsync<ReachQuestion, bool>(node, ReachCall.Word, new(socketId, sender.Client, sender.IsServer, re), ct))
                {
                    return true;
                }
            }
        }
        catch (Exception e) when (e is DuplexityException or NodeRefusedException)
        {
            // Anything else than "not there" would tell a stranger that the socket is, and hold up what is behind the message.
        }

        return false;
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
