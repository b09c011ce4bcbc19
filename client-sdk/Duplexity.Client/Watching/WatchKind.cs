using Duplexity.Protocol;

namespace Duplexity.Watching;

/// <summary>One kind of things that can be watched: how it is asked for, and what its records say.</summary>
/// <param name="Present">The word for what was there when the watch began.</param>
/// <param name="Gone">The word for what is there no longer.</param>
/// <param name="Watch">Begins: as whom, whose, under which id.</param>
/// <param name="Stop">Ends: as whom, which id.</param>
/// <param name="Key">What tells one thing from another.</param>
/// <param name="Change">A change of our own making.</param>
/// <param name="Read">What a change says.</param>
/// <param name="Ends">Whether a change ends another thing beside its own.</param>
internal sealed record WatchKind<TItem, TChange>(
    string Present,
    string Gone,
    Func<IControlHub, string, string?, string, Task<WatchAnswer<TItem>>> Watch,
    Func<IControlHub, string, string, Task> Stop,
    Func<TItem, (string, string, string)> Key,
    Func<string, TItem, TChange> Change,
    Func<TChange, (string Kind, TItem Item)> Read,
    Func<TChange, TItem, bool> Ends);

/// <summary>What is there as a watch begins, whichever record said so.</summary>
internal sealed record WatchAnswer<TItem>(IReadOnlyList<TItem> Items) : Answer;

/// <summary>The kinds of things that can be watched.</summary>
internal static class WatchKinds
{
    public static WatchKind<SocketInfo, SocketChange> Sockets { get; } = new(
        SocketChangeKind.Present,
        SocketChangeKind.Gone,
        async (hub, actAs, whose, id) =>
        {
            var answer = await hub.WatchSockets(new WatchSocketsRequest { As = actAs, Client = whose, Watch = id }).ConfigureAwait(false);
            return new(answer.Sockets ?? []) { Error = answer.Error };
        },
        (hub, actAs, id) => hub.WatchSockets(new WatchSocketsRequest { As = actAs, Watch = id, Stop = true }),
        socket => (socket.SocketId, socket.Client, ""),
        (kind, socket) => new SocketChange { Kind = kind, Socket = socket },
        change => (change.Kind, change.Socket),
        (_, _) => false);

    public static WatchKind<PipeInfo, PipeChange> Pipes { get; } = new(
        PipeChangeKind.Present,
        PipeChangeKind.Removed,
        async (hub, actAs, whose, id) =>
        {
            var answer = await hub.WatchPipes(new WatchPipesRequest { As = actAs, Client = whose, Watch = id }).ConfigureAwait(false);
            return new(answer.Pipes ?? []) { Error = answer.Error };
        },
        (hub, actAs, id) => hub.WatchPipes(new WatchPipesRequest { As = actAs, Watch = id, Stop = true }),
        pipe => (pipe.Name, pipe.Client, pipe.Session),
        (kind, pipe) => new PipeChange { Kind = kind, Pipe = kind == PipeChangeKind.Removed ? pipe with { State = "gone" } : pipe },
        change => (change.Kind, change.Pipe),
        (change, other) => change.Kind == PipeChangeKind.TakenOver && other.Name == change.Pipe.Name && other.Session != change.Pipe.Session);
}
