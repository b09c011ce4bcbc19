namespace Duplexity.Server.Engine;

/// <summary>
/// Small records that outlive the process: revocations, keys, refresh grants, tombstones. What an implementation guarantees, and <c>EngineSpecification</c> tests:
/// <list type="bullet">
/// <item>A change that has answered is there after a restart, unless the store is one that says it keeps nothing (<see cref="IsDurable"/>).</item>
/// <item>Each call is one atomic step: of several that add, take or replace the same record at once, one succeeds.</item>
/// <item>A record is gone at its expiry, by the wall clock.</item>
/// </list>
/// Kinds and keys compare byte for byte. Secrets are sealed or hashed by the caller before they come here (G18). Thread-safe.
/// </summary>
internal interface IRecords
{
    /// <summary>Whether records outlive the process.</summary>
    bool IsDurable { get; }

    /// <summary>Adds a record; false, and nothing changes, where the key is there already.</summary>
    ValueTask<bool> TryAddAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default);

    /// <summary>Adds a record, or puts it in the place of the one that is there.</summary>
    ValueTask PutAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default);

    /// <summary>Puts a record in the place of the one whose value is <paramref name="expected"/>; false, and nothing changes, where there is another or none.</summary>
    ValueTask<bool> TryReplaceAsync(string kind, string key, string expected, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default);

    /// <summary>The value; null where there is none.</summary>
    ValueTask<string?> ReadAsync(string kind, string key, CancellationToken ct = default);

    /// <summary>Removes a record and returns its value; null where there is none, or somebody else took it.</summary>
    ValueTask<string?> TakeAsync(string kind, string key, CancellationToken ct = default);

    /// <summary>Removes a record whose value is <paramref name="expected"/>; false, and nothing changes, where there is another or none.</summary>
    ValueTask<bool> TryTakeAsync(string kind, string key, string expected, CancellationToken ct = default) =>
        TryReplaceAsync(kind, key, expected, "", DateTimeOffset.UnixEpoch, ct); // over at once, whatever the clocks of nodes say

    /// <summary>All records of a kind, by key in ordinal order. For kinds that are few: keys, users, revocations.</summary>
    ValueTask<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(string kind, CancellationToken ct = default);
}
