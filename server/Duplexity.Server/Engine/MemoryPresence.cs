namespace Duplexity.Server.Engine;

/// <summary>Who is in a channel, in this process's memory. A snapshot is made once per version and shared by its readers.</summary>
internal sealed class MemoryPresence(MonotonicClock clock) : IPresence
{
    /// <summary>How long the version of a channel without members is kept for itself: rooms that nobody uses vanish, and one that flaps does not jump to the highest version of all.</summary>
    private static readonly TimeSpan EmptyMemory = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<Address, Members> _channels = [];
    private readonly Queue<(Address Channel, TimeSpan Since)> _emptied = new();

    // The highest version that was forgotten with its channel: a channel that comes back goes on from there, since a version must never go back.
    private long _floor;
    private IEngineHandler? _handler;

    /// <summary>How many channels have members, or had some a moment ago.</summary>
    internal int Channels
    {
        get
        {
            lock (_lock)
            {
                return _channels.Count;
            }
        }
    }

    public void Attach(IEngineHandler handler) => _handler = handler;

    /// <inheritdoc/>
    public ValueTask<bool> AddAsync(Address channel, string client, string socketId, CancellationToken ct = default)
    {
        Change(channel, client, socketId, isJoin: true, int.MaxValue, null, out var changed);
        return new(changed);
    }

    /// <inheritdoc/>
    public ValueTask<bool> TryAddAsync(Address channel, string client, string socketId, int most, CancellationToken ct = default) =>
        new(Change(channel, client, socketId, isJoin: true, most, null, out _));

    /// <inheritdoc/>
    public ValueTask<bool> RemoveAsync(Address channel, string client, string socketId, string? reason = null, CancellationToken ct = default)
    {
        Change(channel, client, socketId, isJoin: false, int.MaxValue, reason, out var changed);
        return new(changed);
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

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<(Address Channel, string Client, string SocketId)>> ListOwnAsync(CancellationToken ct = default)
    {
        lock (_lock)
        {
            return new([.. _channels.SelectMany(c => c.Value.Set.Select(m => (c.Key, m.Client, m.SocketId)))]);
        }
    }

    /// <summary>Forgets channels that have been empty for a while.</summary>
    public void Sweep()
    {
        lock (_lock)
        {
            while (_emptied.TryPeek(out var oldest) && clock.Now - oldest.Since >= EmptyMemory)
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

    /// <summary>Makes one change, if it is one, and tells of it; false where the channel is full.</summary>
    private bool Change(Address channel, string client, string socketId, bool isJoin, int most, string? reason, out bool changed)
    {
        long version;
        lock (_lock)
        {
            changed = false;
            if (!_channels.TryGetValue(channel, out var members))
            {
                if (!isJoin)
                {
                    return true;
                }

                members = new Members { Version = _floor };
            }

            // Counted only where there is a bound and the client is new.
            if (isJoin && most < int.MaxValue && !members.Set.Any(m => m.Client == client) && members.Set.Select(m => m.Client).Distinct().Count() >= most)
            {
                return false;
            }

            changed = isJoin ? members.Set.Add((client, socketId)) : members.Set.Remove((client, socketId));
            if (!changed)
            {
                return true;
            }

            _channels[channel] = members;
            version = ++members.Version;
            members.Snapshot = null;
            if (members.Set.Count == 0)
            {
                members.EmptySince = clock.Now;
                _emptied.Enqueue((channel, members.EmptySince));
            }
        }

        // Outside the lock: what a receiver does with it must not hold up others, and the version says the order.
        _handler?.OnPresenceChanged(new PresenceChange(channel, version, client, socketId, reason));
        return true;
    }

    private sealed class Members
    {
        public SortedSet<(string Client, string SocketId)> Set { get; } = new(PresenceOrder.Instance);
        public long Version { get; set; }
        public PresenceSnapshot? Snapshot { get; set; }
        public TimeSpan EmptySince { get; set; }
    }
}
