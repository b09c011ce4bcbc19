using System.Collections.Concurrent;

namespace Duplexity.Server.Sockets;

/// <summary>What somebody watches until it ends.</summary>
internal interface IWatch
{
    /// <summary>Nothing more is told by it.</summary>
    void End();
}

/// <summary>Who watches: each client on a connection has its own watches, by name. Thread-safe.</summary>
internal sealed class WatchBook<TWatch>
    where TWatch : class, IWatch
{
    /// <summary>Watches of one client on one connection: a program with more than these wants one of everybody.</summary>
    public const int Most = 16;

    private readonly ConcurrentDictionary<(object Watcher, string ActingAs, string Name), TWatch> _watches = new();

    /// <summary>Whether nobody watches.</summary>
    public bool IsEmpty => _watches.IsEmpty;

    /// <summary>Who watches, and by which watch.</summary>
    public IEnumerable<(object Watcher, TWatch Watch)> All => _watches.Select(w => (w.Key.Watcher, w.Value));

    /// <summary>Puts a watch in the place of the earlier one of that name; false: there are too many.</summary>
    public bool TryPut(object watcher, string actingAs, string? name, TWatch watch)
    {
        Stop(watcher, actingAs, name);
        if (_watches.Count(w => w.Key.Watcher == watcher && w.Key.ActingAs == actingAs) >= Most)
        {
            return false;
        }

        _watches[(watcher, actingAs, name ?? "")] = watch;
        return true;
    }

    /// <summary>The holder is told nothing any more by that watch.</summary>
    public void Stop(object watcher, string actingAs, string? name)
    {
        if (_watches.TryRemove((watcher, actingAs, name ?? ""), out var watch))
        {
            watch.End();
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
}
