using Duplexity.Server.Cluster;

namespace Duplexity.Server.Sockets;

/// <summary>Lets the sockets of a client listen, or not any more, on all nodes. A node that does not answer is left out. Thread-safe.</summary>
internal sealed class ClusterPlacing(SocketIndex sockets, Listening listening, NodeBook nodes, NodeCalls calls)
{
    /// <summary>How many sockets were placed.</summary>
    public Task<int> PlaceAsync(string client, Address channel, CancellationToken ct) => AskAsync(new(client, channel.ToString(), null), ct);

    /// <summary>How many were taken out, which are told the reason.</summary>
    public Task<int> DisplaceAsync(string client, Address channel, string reason, CancellationToken ct) => AskAsync(new(client, channel.ToString(), reason), ct);

    /// <summary>The same at this node alone.</summary>
    public async Task<int> HereAsync(PlaceQuestion question, CancellationToken ct)
    {
        var (count, channel) = (0, Address.Parse(question.Channel));
        foreach (var socket in sockets.OfClient(question.Client))
        {
            ct.ThrowIfCancellationRequested();
            var isDone = question.Reason is { } reason
                ? await listening.DisplaceAsync(socket, question.Client, channel, reason)
                : socket.Identities.Find(question.Client) is { } held && await listening.PlaceAsync(socket, held, channel);
            count += isDone ? 1 : 0;
        }

        return count;
    }

    private async Task<int> AskAsync(PlaceQuestion question, CancellationToken ct) =>
        await HereAsync(question, ct) + (await calls.AskAllAsync<PlaceQuestion, int>(nodes.Others, PlaceCall.Word, question, ct)).Sum();
}

/// <summary>Another node places sockets of a client.</summary>
internal sealed class PlaceCall(ClusterPlacing placing) : NodeCall<PlaceQuestion, int>(Word)
{
    public const string Word = "place";

    /// <inheritdoc/>
    protected override async ValueTask<int> AnswerAsync(PlaceQuestion question, NodeInfo from, CancellationToken ct) => await placing.HereAsync(question, ct);
}

/// <param name="Client">Whose sockets.</param>
/// <param name="Channel">The room or feed.</param>
/// <param name="Reason">Why they are taken out; null: they are placed.</param>
internal sealed record PlaceQuestion(string Client, string Channel, string? Reason);
