using Duplexity.Protocol;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>Who watches whose sockets, those of other nodes included. Thread-safe.</summary>
internal sealed class SocketWatches(SocketIndex sockets, Announcer announcer, Node node, TimeProvider time)
{
    private readonly Watches<WatchedSocket> _watches = new(time);

    /// <summary>Whether nobody watches.</summary>
    public bool IsEmpty => _watches.IsEmpty;

    /// <summary>As <see cref="Watches{T}.Start"/>; <paramref name="tell"/> sends the event.</summary>
    public bool Start(object watcher, string actingAs, string? name, string? client, Func<SocketsChangedEvent, Task> tell) =>
        _watches.Start(watcher, actingAs, name, client, page => tell(new SocketsChangedEvent { Changes = [.. page.Select(c => Change(c.Thing, c.Kind))], Watch = name }));

    /// <summary>As <see cref="Watches{T}.Stop"/>.</summary>
    public void Stop(object watcher, string actingAs, string? name) => _watches.Stop(watcher, actingAs, name);

    /// <summary>As <see cref="Watches{T}.StopAll"/>.</summary>
    public void StopAll(object watcher, string? actingAs = null) => _watches.StopAll(watcher, actingAs);

    /// <summary>Whose sockets the connections of this node watch, each once; null: everybody's.</summary>
    public IReadOnlyList<string?> ClientsWatchedHere => _watches.Clients(IsHere);

    /// <summary>Something happened to a client's socket, a word of <see cref="SocketChangeKind"/>.</summary>
    public void Mark(Socket socket, string client, string kind)
    {
        if (announcer.HearsSockets && (kind is SocketChangeKind.Connected or SocketChangeKind.Gone))
        {
            announcer.AnnounceSocket(new Announcement
            {
                Channel = ServiceChannel.Sockets,
                Action = kind == SocketChangeKind.Gone ? AnnouncedAction.Disconnected : AnnouncedAction.Connected,
                Owner = client,
                At = time.GetUtcNow(),
                Target = $"socket:{socket.Id}",
            });
        }

        _watches.Mark(new WatchedSocket(socket.Id, client) { Socket = socket }, client, kind);
    }

    /// <summary>Something happened to a socket of another node. Other nodes that watch are told by that one themselves.</summary>
    public void MarkOfAnother(SocketChange change)
    {
        if (change is { Kind: { } kind, Socket: { SocketId: { } id, Client: { } client } info })
        {
            _watches.Mark(new WatchedSocket(id, client) { Info = info }, client, kind, IsHere);
        }
    }

    private static bool IsHere(object watcher) => watcher is IIdentityHolder;

    private SocketChange Change(WatchedSocket watched, string kind) => watched switch
    {
        { Info: { } info } => new() { Kind = kind, Socket = info },
        { Socket: { } socket } when kind != SocketChangeKind.Gone && SocketInfos.Of(sockets, node, socket, watched.Client) is { } seen => new() { Kind = kind, Socket = seen },
        _ => new() { Kind = SocketChangeKind.Gone, Socket = SocketInfos.Bare(node, watched.Socket!, watched.Client) },
    };

    /// <summary>A socket of this node or, by what was told of it, of another one; the same at different times by its id and its client.</summary>
    private sealed record WatchedSocket(string Id, string Client)
    {
        public Socket? Socket { get; init; }

        public SocketInfo? Info { get; init; }

        public bool Equals(WatchedSocket? other) => other is not null && other.Id == Id && other.Client == Client;

        public override int GetHashCode() => HashCode.Combine(Id, Client);
    }
}
