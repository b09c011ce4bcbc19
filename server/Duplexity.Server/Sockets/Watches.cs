using System.Collections.Concurrent;
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
    /// <summary>Watches of one client on one connection: a program with more than these wants one of everybody.</summary>
    public const int Most = 16;

    /// <summary>How often a watcher is told at most.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<(object Watcher, string ActingAs, string Name), Watch> _watches = new();

    /// <summary>Whether nobody watches.</summary>
    public bool IsEmpty => _watches.IsEmpty;

    /// <summary>Whose things the watches are for which <paramref name="which"/> holds, each once; null: everybody's.</summary>
    public IReadOnlyList<string?> Clients(Func<object, bool> which) => [.. _watches.Where(w => which(w.Key.Watcher)).Select(w => w.Value.Client).Distinct()];

    /// <summary>The holder is told what happens to the things of <paramref name="client"/> (null: of everybody), in the place of its earlier watch of that name. False: it has too many.</summary>
    /// <param name="watcher">The connection, or the other node, that watches.</param>
    /// <param name="actingAs">The client whose right it is; the watch ends with it.</param>
    /// <param name="name">The watcher's own name for it; null: the one without a name.</param>
    /// <param name="client">Whose things.</param>
    /// <param name="tell">Tells a page of changes, each a kind and the newest that was marked; completes when it was taken.</param>
    public bool Start(object watcher, string actingAs, string? name, string? client, Func<(string Kind, T Thing)[], Task> tell)
    {
        var key = (watcher, actingAs, name ?? "");
        Stop(watcher, actingAs, name);
        if (_watches.Count(w => w.Key.Watcher == watcher && w.Key.ActingAs == actingAs) >= Most)
        {
            return false;
        }

        _watches[key] = new Watch(client, tell, time, same);
        return true;
    }

    /// <summary>The holder is told nothing any more by that watch.</summary>
    public void Stop(object watcher, string actingAs, string? name)
    {
        if (_watches.TryRemove((watcher, actingAs, name ?? ""), out var watch))
        {
            watch.IsOver = true;
        }
    }

    /// <summary>All watches of the holder end; with <paramref name="actingAs"/>, those of that client.</summary>
    public void StopAll(object watcher, string? actingAs = null)
    {
        foreach (var (key, _) in _watches)
        {
            if (key.Watcher == watcher && (actingAs is null || key.ActingAs == actingAs))
            {
                Stop(watcher, key.ActingAs, key.Name);
            }
        }
    }

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

        foreach (var (key, watch) in _watches)
        {
            if ((watch.Client is null || watch.Client == client) && who?.Invoke(key.Watcher) != false)
            {
                watch.Mark(thing, kind);
            }
        }
    }

    /// <summary>One watch: what it has not been told yet, by thing, in order. Bounded by the things there are and those that went within one interval.</summary>
    private sealed class Watch(string? client, Func<(string Kind, T Thing)[], Task> tell, TimeProvider time, IEqualityComparer<T>? same)
    {
        private readonly Lock _lock = new();
        private Dictionary<T, (string Kind, T Thing)> _pending = new(same);
        private bool _isTelling;

        public string? Client { get; } = client;

        public volatile bool IsOver;

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
                    if (_pending.Count == 0 || IsOver)
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
