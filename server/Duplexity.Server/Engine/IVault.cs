namespace Duplexity.Server.Engine;

/// <summary>One-time secrets with an expiry: used tickets, later authorization codes and blocks. Thread-safe; bounded by the expiries.</summary>
internal interface IVault
{
    /// <summary>Stores a value under a key until it expires; false if the key is there already (a ticket used twice).</summary>
    ValueTask<bool> TryAddAsync(string key, string value, TimeSpan lifetime, CancellationToken ct = default);

    /// <summary>Takes a value out; null if it is not there, was taken before, or has expired.</summary>
    ValueTask<string?> TakeAsync(string key, CancellationToken ct = default);
}
