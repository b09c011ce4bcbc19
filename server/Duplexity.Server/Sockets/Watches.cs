using Duplexity.Protocol;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Who watches whose things of one kind, and what they are told: at most four times a second, each thing's present state once. Each client on a connection has its own watches, by name.
/// Where nobody watches, a change costs one look. Thread-safe.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="same">Which two are the same thing at different times; null: equal ones.</param>
internal sealed class Watches<T>(TimeProvider time, IEqualityComparer<T>? same = null)
    where T : notnull
{
    /// <summary>Watches of one client on one connection.</summary>
    public const int Most = WatchBook<Watch>.Most;

    /// <summary>How often a watcher is told at most.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly WatchBook<Watch> _watches = new();

    /// <summary>Whether nobody watches.</summary>
    public bool IsEmpty => _watches.IsEmpty;

    /// <summary>Whose things the watches are for which <paramref name="which"/> holds, each once; null: everybody's.</summary>
    public IReadOnlyList<string?> Clients(Func<object, bool> which) => [.. _watches.All.Where(w => which(w.Watcher)).Select(w => w.Watch.Client).Distinct()];

    /// <summary>The holder is told what happens to the things of <paramref name="client"/> (null: of everybody), in the place of its earlier watch of that name. False: it has too many.</summary>
    /// <param name="watcher">The connection, or the other node, that watches.</param>
    /// <param name="actingAs">The client whose right it is; the watch ends with it.</param>
    /// <param name="name">The watcher's own name for it; null: the one without a name.</param>
    /// <param name="client">Whose things.</param>
    /// <param name="tell">Tells a page of changes, each a kind and the newest that was marked; completes when it was taken.</param>
    public bool Start(object watcher, string actingAs, string? name, string? client, Func<(string Kind, T Thing)[], Task> tell) =>
        _watches.TryPut(watcher, actingAs, name, new Watch(client, tell, time, same));

    /// <summary>As <see cref="WatchBook{TWatch}.Stop"/>.</summary>
    public void Stop(object watcher, string actingAs, string? name) => _watches.Stop(watcher, actingAs, name);

    /// <summary>As <see cref="WatchBook{TWatch}.StopAll"/>.</summary>
    public void StopAll(object watcher, string? actingAs = null) => _watches.StopAll(watcher, actingAs);

    /// <summary>Something happened to a client's thing, a word of <see cref="SocketChangeKind"/> or <see cref="PipeChangeKind"/>.</summary>
    /// <param name="thing">The thing as it is now.</param>
    /// <param name="client">Whose it is.</param>
    /// <param name="kind">The word.</param>
    /// <param name="who">Which watchers are told; null: all.</param>
    public void Mark(T thing, string client, string kind, Func<object, bool>? who = null)
    {
        if (_watches.IsEmpty)
        {
            return;
        }

        foreach (var (watcher, watch) in _watches.All)
        {
            if ((watch.Client is null || watch.Client == client) && who?.Invoke(watcher) != false)
            {
                watch.Mark(thing, kind);
            }
        }
    }

    /// <summary>One watch: what it has not been told yet, by thing, in order. Bounded by the things there are and those that went within one interval.</summary>
    private sealed class Watch(string? client, Func<(string Kind, T Thing)[], Task> tell, TimeProvider time, IEqualityComparer<T>? same) : IWatch
    {
        private readonly Lock _lock = new();
        private Dictionary<T, (string Kind, T Thing)> _pending = new(same);
        private bool _isTelling;
        private volatile bool _isOver;

        public string? Client { get; } = client;

        public void End() => _isOver = true;

        public void Mark(T thing, string kind)
        {
            lock (_lock)
            {
                // What came before decides: one that connected and then sent has connected; one that is gone is gone.
                var isNews = kind is not (SocketChangeKind.Changed or SocketChangeKind.Used) || !_pending.TryGetValue(thing, out var before) || before.Kind == SocketChangeKind.Used;
                if (isNews)
                {
                    _pending[thing] = (kind, thing);
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
                await Task.Delay(Interval, time);
                Dictionary<T, (string Kind, T Thing)> changes;
                lock (_lock)
                {
                    if (_pending.Count == 0 || _isOver)
                    {
                        _isTelling = false;
                        return;
                    }

                    (changes, _pending) = (_pending, new(same));
                }

                try
                {
                    foreach (var page in changes.Values.Chunk(Wire.MaxPage))
                    {
                        await tell(page);
                    }
                }
                catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
                {
                    // The connection ends; with it this watch.
                }
            }
        }
    }
}
