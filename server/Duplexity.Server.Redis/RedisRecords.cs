using Duplexity.Server.Engine;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>Records, for all nodes.</summary>
internal sealed class RedisRecords(RedisLink link) : IRecords
{
    /// <inheritdoc/>
    public bool IsDurable { get; set; } = true;

    /// <inheritdoc/>
    public async ValueTask<bool> TryAddAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) =>
        (int)await DoAsync("add", kind, key, value, Expiry(expiresAt)) == 1;

    /// <inheritdoc/>
    public async ValueTask PutAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => await DoAsync("put", kind, key, value, Expiry(expiresAt));

    /// <inheritdoc/>
    public async ValueTask<bool> TryReplaceAsync(string kind, string key, string expected, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) =>
        (int)await DoAsync("replace", kind, key, value, Expiry(expiresAt), expected) == 1;

    /// <inheritdoc/>
    public async ValueTask<string?> ReadAsync(string kind, string key, CancellationToken ct = default) => (string?)await DoAsync("read", kind, key);

    /// <inheritdoc/>
    public async ValueTask<string?> TakeAsync(string kind, string key, CancellationToken ct = default) => (string?)await DoAsync("take", kind, key);

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(string kind, CancellationToken ct = default)
    {
        var all = (string[])(await link.RunAsync(RedisScript.List, [link.Keys.Records(kind), link.Keys.RecordExpiries(kind)]))!;
        return [.. all.Chunk(2).Select(pair => KeyValuePair.Create(pair[0], pair[1])).OrderBy(r => r.Key, StringComparer.Ordinal)];
    }

    private static RedisValue Expiry(DateTimeOffset? at) => at is { } time ? RedisAppends.Microseconds(time - DateTimeOffset.UnixEpoch) : "";

    private Task<RedisResult> DoAsync(string what, string kind, string key, string value = "", RedisValue? expiry = null, string expected = "") =>
        link.RunAsync(RedisScript.Record, [link.Keys.Records(kind), link.Keys.RecordExpiries(kind), link.Keys.RecordKinds], what, kind, key, value, expiry ?? "", expected);
}
