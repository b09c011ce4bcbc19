using System.Globalization;
using Duplexity.Protocol;
using Duplexity.Server.Redis.Diagnostics;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>Looks at start whether a Redis can keep what the engine promises, and what a receipt may say (G3).</summary>
internal sealed class RedisCheck(RedisLink link, DuplexityOptions options, ILogger logger)
{
    /// <summary>The level that an append reaches, and whether what is written outlives Redis' process.</summary>
    /// <exception cref="RedisRefusedException">It cannot; says what to change.</exception>
    public async Task<(ReceiptLevel Level, bool IsDurable)> RunAsync()
    {
        var info = await InfoAsync();
        if (info.GetValueOrDefault("cluster_enabled") == "1")
        {
            throw new RedisRefusedException(
                "This is a Redis Cluster. A message is appended to all its destinations in one script, and a cluster runs none over keys of several slots. Use one primary, with replicas and Sentinel if it must not be a single point of failure.");
        }

        if (info.GetValueOrDefault("role") != "master")
        {
            throw new RedisRefusedException("This Redis is a replica, which takes no writes. Name the primary, or the sentinels and serviceName=….");
        }

        if (int.Parse(info.GetValueOrDefault("redis_version", "0").Split('.')[0], CultureInfo.InvariantCulture) < 7)
        {
            throw new RedisRefusedException($"This is Redis {VisibleText.Of(info.GetValueOrDefault("redis_version", "?"), 32)}; the engine needs Redis 7.0 or newer.");
        }

        return await SettingAsync("maxmemory-policy") is { } policy ? await LevelAsync(policy, info) : Vouched();
    }

    private async Task<(ReceiptLevel Level, bool IsDurable)> LevelAsync(string policy, Dictionary<string, string> info)
    {
        if (policy != "noeviction")
        {
            throw new RedisRefusedException($"maxmemory-policy of this Redis is {policy}: it would evict messages, leases and fencing counters without a word. Set it to noeviction, and maxmemory to what you can give it.");
        }

        var isAppendOnly = await SettingAsync("appendonly") == "yes";
        var reaches = !isAppendOnly ? ReceiptLevel.Accepted : await SettingAsync("appendfsync") == "always" ? ReceiptLevel.Fsynced : ReceiptLevel.Written;
        if (Asked() is { } asked && asked > reaches)
        {
            throw new RedisRefusedException($"Duplexity:Durability is {Levels.Word(asked)}, and this Redis reaches {Levels.Word(reaches)}. Set {(isAppendOnly ? "" : "appendonly to yes")}{(!isAppendOnly && asked == ReceiptLevel.Fsynced ? " and " : "")}{(asked == ReceiptLevel.Fsynced ? "appendfsync to always" : "")} in redis.conf, or another durability.");
        }

        if (info.GetValueOrDefault("connected_slaves", "0") is var replicas && replicas != "0" && await SettingAsync("min-replicas-to-write") == "0")
        {
            Log.NoReplicaIsWaitedFor(logger, int.Parse(replicas, CultureInfo.InvariantCulture));
        }

        return (Asked() ?? reaches, isAppendOnly);
    }

    /// <summary>Where CONFIG is forbidden, the operator's word is taken for it.</summary>
    private (ReceiptLevel Level, bool IsDurable) Vouched() => Asked() is { } asked
        ? (asked, asked > ReceiptLevel.Accepted)
        : throw new RedisRefusedException("This Redis user may not read the configuration (+config|get). Allow it; or set maxmemory-policy noeviction, and say with Duplexity:Durability what Redis is set to reach: written (appendonly yes), fsynced (appendfsync always) or accepted.");

    private ReceiptLevel? Asked() => Levels.TryRead(options.Durability, out var level) ? level : null;

    private async Task<Dictionary<string, string>> InfoAsync()
    {
        try
        {
            var text = (string)(await link.AskAsync(database => database.ExecuteAsync("INFO", "everything")))!;
            return text.Split('\n').Select(line => line.Trim().Split(':', 2)).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1]);
        }
        catch (RedisServerException e)
        {
            throw new RedisRefusedException("This Redis user may not use INFO, without which the engine cannot tell one life of the store from another. Allow it: +info.", e);
        }
    }

    /// <summary>A setting; null where it may not be read.</summary>
    private async Task<string?> SettingAsync(string name)
    {
        try
        {
            return ((string[])(await link.AskAsync(database => database.ExecuteAsync("CONFIG", "GET", name)))!)[1];
        }
        catch (RedisServerException)
        {
            return null;
        }
    }
}
