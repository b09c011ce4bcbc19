using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Who watches whose sockets, and what they are told: at most four times a second, each socket's present state once. Where nobody watches, a change costs one look. Thread-safe.
/// </summary>
internal sealed class SocketWatches(SocketIndex sockets, Announcer announcer, Node node, TimeProvider time)
{
    /// <summary>How often a watcher is told at most.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<IIdentityHolder, Watch> _watches = new();

    /// <summary>The holder is told what happens to the sockets of <paramref name="client"/> (null: of everybody), in the place of whom it watched before.</summary>
    /// <param name="watcher">The connection that watches, as <paramref name="actingAs"/>.</param>
    /// <param name="actingAs">The client whose right it is; the watch ends with it.</param>
    /// <param name="client">Whose sockets.</param>
    /// <param name="tell">Sends the event; completes when it was taken.</param>
    public void Start(IIdentityHolder watcher, string actingAs, string? client, Func<SocketsChangedEvent, Task> tell) =>
        _watches[watcher] = new Watch(actingAs, client, tell, this);

    /// <summary>The holder is told nothing any more; with <paramref name="actingAs"/>, only if it watches as that one.</summary>
    public void Stop(IIdentityHolder watcher, string? actingAs = null)
    {
        if (_watches.TryGetValue(watcher, out var watch) && (actingAs is null || watch.ActingAs == actingAs))
        {
            _watches.TryRemove(new(watcher, watch));
        }
    }

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

        if (_watches.IsEmpty)
        {
            return;
        }

        foreach (var (_, watch) in _watches)
        {
            if (watch.Client is null || watch.Client == client)
            {
                watch.Mark(socket, client, kind);
            }
        }
    }

    /// <summary>One watcher: what it has not been told yet, by socket and client, in order. Bounded by the sockets there are and those that went within one interval.</summary>
    private sealed class Watch(string actingAs, string? client, Func<SocketsChangedEvent, Task> tell, SocketWatches watches)
    {
        private readonly Lock _lock = new();
        private Dictionary<(Socket Socket, string Client), string> _pending = [];
        private bool _isTelling;

        public string ActingAs { get; } = actingAs;

        public string? Client { get; } = client;

        public void Mark(Socket socket, string client, string kind)
        {
            lock (_lock)
            {
                // What came before decides: one that connected and then sent has connected; one that is gone is gone.
                var key = (socket, client);
                var isNews = kind is SocketChangeKind.Connected or SocketChangeKind.Gone || !_pending.TryGetValue(key, out var before) || before == SocketChangeKind.Used;
                if (isNews)
                {
                    _pending[key] = kind;
                }

                if (_isTelling)
                {
                    return;
                }

                _isTelling = true;
            }

            _ = TellAsync();
        }

        private async Task TellAsync()
        {
            while (true)
            {
                await Task.Delay(Interval, watches.Time);
                Dictionary<(Socket Socket, string Client), string> changes;
                lock (_lock)
                {
                    if (_pending.Count == 0)
                    {
                        _isTelling = false;
                        return;
                    }

                    (changes, _pending) = (_pending, []);
                }

                try
                {
                    foreach (var page in changes.Chunk(Wire.MaxPage))
                    {
                        await tell(new SocketsChangedEvent { Changes = [.. page.Select(c => watches.Change(c.Key.Socket, c.Key.Client, c.Value))] });
                    }
                }
                catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
                {
                    // The connection ends; with it this watch.
                }
            }
        }
    }

    private TimeProvider Time => time;

    private SocketChange Change(Socket socket, string client, string kind) => SocketInfos.Of(sockets, node, socket, client) is { } info && kind != SocketChangeKind.Gone
        ? new() { Kind = kind, Socket = info }
        : new() { Kind = SocketChangeKind.Gone, Socket = SocketInfos.Bare(node, socket, client) };
}
