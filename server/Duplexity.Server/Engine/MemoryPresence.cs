namespace Duplexity.Server.Engine;

/// <summary>Who is in a channel, in this process's memory. A snapshot is made once per version and shared by its readers.</summary>
internal sealed class MemoryPresence(MonotonicClock clock, DuplexityOptions options) : IPresence
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Address, Members> _channels = [];
    private readonly Queue<(Address Channel, TimeSpan Since)> _emptied = new();

    // The highest version that was forgotten with its channel: a channel that comes back goes on from there, since a version must never go back.
    private long _floor;

    /// <inheritdoc/>
    public ValueTask<bool> AddAsync(Address channel, string client, string socketId, CancellationToken ct = default)
    {
        lock (_lock)
        {
            if (!_channels.TryGetValue(channel, out var members))
            {
                members = new Members { Version = _floor };
                _channels.Add(channel, members);
            }

            return new(Changed(members, members.Set.Add((client, socketId))));
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> RemoveAsync(Address channel, string client, string socketId, CancellationToken ct = default)
    {
        lock (_lock)
        {
            if (!_channels.TryGetValue(channel, out var members) || !Changed(members, members.Set.Remove((client, socketId))))
            {
                return new(false);
            }

            if (members.Set.Count == 0)
            {
                members.EmptySince = clock.Now;
                _emptied.Enqueue((channel, members.EmptySince));
            }

            return new(true);
        }
    }

    /// <inheritdoc/>
    public ValueTask<PresenceSnapshot> ReadAsync(Address channel, CancellationToken ct = default)
    {
        lock (_lock)
        {
            return new(_channels.TryGetValue(channel, out var members)
                ? members.Snapshot ??= new PresenceSnapshot(members.Version, [.. members.Set])
                : new PresenceSnapshot(_floor, []));
        }
    }

    /// <summary>Forgets channels that have been empty for as long as a log keeps a message.</summary>
    public void Sweep()
    {
        lock (_lock)
        {
            while (_emptied.TryPeek(out var oldest) && clock.Now - oldest.Since >= options.Times.Retention)
            {
                _emptied.Dequeue();
                if (_channels.TryGetValue(oldest.Channel, out var members) && members.Set.Count == 0 && members.EmptySince == oldest.Since)
                {
                    _channels.Remove(oldest.Channel);
                    _floor = Math.Max(_floor, members.Version);
                }
            }
        }
    }

    private static bool Changed(Members members, bool changed)
    {
        if (changed)
        {
            members.Version++;
            members.Snapshot = null;
        }

        return changed;
    }

    private sealed class Members
    {
        public SortedSet<(string Client, string SocketId)> Set { get; } = new(OrdinalOrder.Instance);
        public long Version { get; set; }
        public PresenceSnapshot? Snapshot { get; set; }
        public TimeSpan EmptySince { get; set; }
    }

    private sealed class OrdinalOrder : IComparer<(string Client, string SocketId)>
    {
        public static readonly OrdinalOrder Instance = new();

        public int Compare((string Client, string SocketId) x, (string Client, string SocketId) y)
        {
            var byClient = string.CompareOrdinal(x.Client, y.Client);
            return byClient != 0 ? byClient : string.CompareOrdinal(x.SocketId, y.SocketId);
        }
    }
}
