namespace Duplexity.Server.Engine;

/// <summary>Which locks a socket holds or waits for, and how many that are for a client. Not thread-safe: <see cref="MemoryLocks"/> holds its lock around every call.</summary>
internal sealed class MemoryLockPlaces
{
    private readonly Dictionary<string, Dictionary<MemoryLock, int>> _bySocket = [];
    private readonly Dictionary<string, int> _byClient = [];

    public int CountOf(string client) => _byClient.GetValueOrDefault(client);

    public MemoryLock[] OfSocket(string socketId) => _bySocket.TryGetValue(socketId, out var locks) ? [.. locks.Keys] : [];

    public void Add(LockHolder holder, MemoryLock held)
    {
        if (!_bySocket.TryGetValue(holder.SocketId, out var locks))
        {
            _bySocket[holder.SocketId] = locks = [];
        }

        locks[held] = locks.GetValueOrDefault(held) + 1;
        _byClient[holder.Client] = CountOf(holder.Client) + 1;
    }

    public void Remove(LockHolder holder, MemoryLock held)
    {
        var locks = _bySocket[holder.SocketId];
        if (--locks[held] == 0)
        {
            locks.Remove(held);
        }

        if (locks.Count == 0)
        {
            _bySocket.Remove(holder.SocketId);
        }

        if (--_byClient[holder.Client] == 0)
        {
            _byClient.Remove(holder.Client);
        }
    }
}
