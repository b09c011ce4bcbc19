namespace Duplexity.Server;

/// <summary>Settings of the Redis engine, each with its default and the reason for it: the configuration section <c>Duplexity:Redis</c>. Read once at start.</summary>
public sealed class RedisOptions
{
    /// <summary>The configuration section: <c>Duplexity:Redis</c>.</summary>
    public const string Section = "Duplexity:Redis";

    /// <summary>
    /// Where Redis is, as StackExchange.Redis reads it: <c>redis:6379,user=duplexity,password=…,ssl=true</c>; with Sentinel <c>sentinel1:26379,sentinel2:26379,serviceName=mymaster</c>. One primary, with replicas or without;
    /// a Redis Cluster is refused at start. Empty: no Redis, which is the default.
    /// </summary>
    public string Connection { get; set; } = "";

    /// <summary>What all keys and pub/sub channels begin with, so that several services can share a Redis. Letters, digits, <c>-</c>, <c>_</c> and <c>:</c>. Defaults to <c>dx</c>.</summary>
    public string Prefix { get; set; } = "dx";

    /// <summary>How long a call waits for Redis. Defaults to 5 s: what takes longer is told as unavailable, or as of unknown outcome, and is tried again by whoever asked.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How many replicas must have a message before its receipt says <c>replicated</c>. Where fewer have it within half of <see cref="Timeout"/>, its sender is told the level that it has, and <c>outcome_unknown</c>, and repeats it with its
    /// key. Defaults to 0: none are waited for. It is not consensus: a failover to a replica that lacks the message loses it all the same.
    /// </summary>
    public int Replicas { get; set; }

    /// <summary>How long a node that is not heard of keeps what it has. Defaults to 30 s (G16): a restart of Redis and a failover take less.</summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a node renews its lease, at most a third of it. Defaults to 1 s (G8).</summary>
    public TimeSpan Renewal { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a node compares the channels that it follows with their tops: what a lost pub/sub message costs at most. Defaults to 5 s.</summary>
    public TimeSpan Check { get; set; } = TimeSpan.FromSeconds(5);
}
