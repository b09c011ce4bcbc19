namespace Duplexity.Server.Engine;

/// <summary>
/// Who is in a channel, by (client, socket). Adding twice and removing twice change nothing. A channel's version grows by one with each change and
/// belongs to the snapshot that names it (G23); the count is computed from the set, never kept beside it. Each change comes back through
/// <see cref="IEngineHandler.OnPresenceChanged"/>, at most once and not always in order; who sees a hole reads the set, and what was lost last is said soon after (<see cref="IEngineHandler.OnPresenceMissed"/>). Thread-safe.
/// </summary>
internal interface IPresence
{
    /// <summary>Adds a socket as a client; true if it was not there.</summary>
    ValueTask<bool> AddAsync(Address channel, string client, string socketId, CancellationToken ct = default);

    /// <summary>Adds a socket as a client unless <paramref name="most"/> other clients are there: false where they are. One step, however many come at once.</summary>
    ValueTask<bool> TryAddAsync(Address channel, string client, string socketId, int most, CancellationToken ct = default);

    /// <summary>Removes a socket as a client; true if it was there. <paramref name="reason"/>: why, where it was not its wish; told with the change.</summary>
    ValueTask<bool> RemoveAsync(Address channel, string client, string socketId, string? reason = null, CancellationToken ct = default);

    /// <summary>The channel's members, by client, then socket, in ordinal order, and the version they belong to.</summary>
    ValueTask<PresenceSnapshot> ReadAsync(Address channel, CancellationToken ct = default);

    /// <summary>All that this node has added and not removed: what it compares with its sockets (G23).</summary>
    ValueTask<IReadOnlyList<(Address Channel, string Client, string SocketId)>> ListOwnAsync(CancellationToken ct = default);
}

/// <summary>Who was in a channel at a version.</summary>
internal sealed record PresenceSnapshot(long Version, IReadOnlyList<(string Client, string SocketId)> Members)
{
    private int _count = -1;

    /// <summary>How many clients there are, each counted once. Computed from the members, once.</summary>
    public int Count => _count >= 0 ? _count : _count = Members.Where((member, i) => i == 0 || Members[i - 1].Client != member.Client).Count();

    /// <summary>Whether a socket is there as a client.</summary>
    public bool Has(string client, string socketId)
    {
        var (low, high) = (0, Members.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = PresenceOrder.Instance.Compare(Members[middle], (client, socketId));
            if (order == 0)
            {
                return true;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return false;
    }
}

/// <summary>One change of a channel's presence.</summary>
/// <param name="Channel">The channel.</param>
/// <param name="Version">The version that the change made.</param>
/// <param name="Client">The client.</param>
/// <param name="SocketId">Its socket.</param>
/// <param name="Reason">With a leave that was not its wish: why.</param>
internal sealed record PresenceChange(Address Channel, long Version, string Client, string SocketId, string? Reason);

/// <summary>The order of members: by client, then socket, ordinal.</summary>
internal sealed class PresenceOrder : IComparer<(string Client, string SocketId)>
{
    public static readonly PresenceOrder Instance = new();

    public int Compare((string Client, string SocketId) x, (string Client, string SocketId) y)
    {
        var byClient = string.CompareOrdinal(x.Client, y.Client);
        return byClient != 0 ? byClient : string.CompareOrdinal(x.SocketId, y.SocketId);
    }
}
