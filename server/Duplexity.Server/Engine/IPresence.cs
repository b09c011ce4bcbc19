namespace Duplexity.Server.Engine;

/// <summary>
/// Who is in a channel, by (client, socket). Adding twice and removing twice change nothing. A channel's version grows by one with each change and
/// belongs to the snapshot that names it (G23); the count is computed from the set, never kept beside it. Thread-safe.
/// </summary>
internal interface IPresence
{
    /// <summary>Adds a socket as a client; true if it was not there.</summary>
    ValueTask<bool> AddAsync(Address channel, string client, string socketId, CancellationToken ct = default);

    /// <summary>Removes a socket as a client; true if it was there.</summary>
    ValueTask<bool> RemoveAsync(Address channel, string client, string socketId, CancellationToken ct = default);

    /// <summary>The channel's members, by client, then socket, in ordinal order, and the version they belong to.</summary>
    ValueTask<PresenceSnapshot> ReadAsync(Address channel, CancellationToken ct = default);
}

/// <summary>Who was in a channel at a version.</summary>
internal sealed record PresenceSnapshot(long Version, IReadOnlyList<(string Client, string SocketId)> Members);
