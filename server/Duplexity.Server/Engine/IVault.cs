namespace Duplexity.Server.Engine;

/// <summary>Secrets with an expiry, for all nodes: used tickets, codes, sign-ins that wait. Each call is one atomic step. Thread-safe; bounded by the expiries.</summary>
internal interface IVault
{
    /// <summary>Stores a value under a key until it expires; false if the key is there already (a ticket used twice).</summary>
    ValueTask<bool> TryAddAsync(string key, string value, TimeSpan lifetime, CancellationToken ct = default);

    /// <summary>The value; null if it is not there or has expired.</summary>
    ValueTask<string?> ReadAsync(string key, CancellationToken ct = default);

    /// <summary>Puts a value in the place of <paramref name="expected"/>, until the same moment; false, and nothing changes, where there is another or none.</summary>
    ValueTask<bool> TryReplaceAsync(string key, string expected, string value, CancellationToken ct = default);

    /// <summary>Takes a value out; null if it is not there, was taken before, or has expired.</summary>
    ValueTask<string?> TakeAsync(string key, CancellationToken ct = default);
}
