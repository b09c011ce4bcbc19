using Duplexity.Protocol;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>Who watches whose sockets. Thread-safe.</summary>
internal sealed class SocketWatches(SocketIndex sockets, Announcer announcer, Node node, TimeProvider time)
{
    private readonly Watches<(Socket Socket, string Client)> _watches = new(time);

    /// <summary>Whether nobody watches.</summary>
    public bool IsEmpty => _watches.IsEmpty;

    /// <summary>As <see cref="Watches{T}.Start"/>; <paramref name="tell"/> sends the event.</summary>
    public bool Start(IIdentityHolder watcher, string actingAs, string? name, string? client, Func<SocketsChangedEvent, Task> tell) =>
        _watches.Start(watcher, actingAs, name, client, page => tell(new SocketsChangedEvent { Changes = [.. page.Select(c => Change(c.Thing.Socket, c.Thing.Client, c.Kind))], Watch = name }));

    /// <summary>As <see cref="Watches{T}.Stop"/>.</summary>
    public void Stop(IIdentityHolder watcher, string actingAs, string? name) => _watches.Stop(watcher, actingAs, name);

    /// <summary>As <see cref="Watches{T}.StopAll"/>.</summary>
    public void StopAll(IIdentityHolder watcher, string? actingAs = null) => _watches.StopAll(watcher, actingAs);

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

        _watches.Mark((socket, client), client, kind);
    }

    private SocketChange Change(Socket socket, string client, string kind) => SocketInfos.Of(sockets, node, socket, client) is { } info && kind != SocketChangeKind.Gone
        ? new() { Kind = kind, Socket = info }
        : new() { Kind = SocketChangeKind.Gone, Socket = SocketInfos.Bare(node, socket, client) };
}
