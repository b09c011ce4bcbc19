using System.Collections.Concurrent;

namespace Duplexity.Server.Sockets;

/// <summary>Ids that were revoked, each for as long as anything that names it could be good. Thread-safe.</summary>
internal sealed class RevokedIds(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, DateTimeOffset> _until = new();
    private readonly PriorityQueue<string, DateTimeOffset> _byEnd = new();

    /// <summary>Whether an id is revoked.</summary>
    public bool Contains(string id) => _until.ContainsKey(id);

    /// <summary>Revokes one, and lets go of those whose time is over.</summary>
    public void Add(string id, DateTimeOffset until)
    {
        lock (_byEnd)
        {
            if (_until.TryGetValue(id, out var there) && there >= until)
            {
                return;
            }

            _until[id] = until;
            _byEnd.Enqueue(id, until);
            while (_byEnd.TryPeek(out var oldest, out var end) && end <= time.GetUtcNow())
            {
                _byEnd.Dequeue();
                _until.TryRemove(new(oldest, end));
            }
        }
    }
}
