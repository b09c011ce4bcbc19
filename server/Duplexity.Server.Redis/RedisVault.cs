using Duplexity.Server.Engine;

namespace Duplexity.Server.Redis;

/// <summary>One-time secrets, for all nodes. Their keys end by themselves.</summary>
internal sealed class RedisVault(RedisLink link) : IVault
{
    /// <inheritdoc/>
    public async ValueTask<bool> TryAddAsync(string key, string value, TimeSpan lifetime, CancellationToken ct = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(lifetime, TimeSpan.Zero);
        return (int)await link.RunAsync(RedisScript.Vault, [link.Keys.Secret(key)], "add", value, RedisAppends.Microseconds(lifetime)) == 1;
    }

    /// <inheritdoc/>
    public async ValueTask<string?> ReadAsync(string key, CancellationToken ct = default) => (string?)await link.RunAsync(RedisScript.Vault, [link.Keys.Secret(key)], "read");

    /// <inheritdoc/>
    public async ValueTask<bool> TryReplaceAsync(string key, string expected, string value, CancellationToken ct = default) =>
        (int)await link.RunAsync(RedisScript.Vault, [link.Keys.Secret(key)], "replace", value, expected) == 1;

    /// <inheritdoc/>
    public async ValueTask<string?> TakeAsync(string key, CancellationToken ct = default) => (string?)await link.RunAsync(RedisScript.Vault, [link.Keys.Secret(key)], "take");
}
