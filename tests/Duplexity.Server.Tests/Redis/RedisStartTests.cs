using Duplexity.Server.Redis;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Options;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Which Redis a node starts with, and what it says of the others (G3).</summary>
[Trait("Guarantee", "G3")]
public sealed class RedisStartTests
{
    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_cluster_is_refused_with_the_reason()
    {
        await using var redis = await RedisProcess.StartAsync("--cluster-enabled", "yes");
        (await RefusedAsync(redis.Connection)).Should().Contain("Redis Cluster").And.Contain("in one script");
    }

    [Theory]
    [InlineData("allkeys-lru")]
    [InlineData("volatile-ttl")]
    public async Task A_redis_that_evicts_is_refused(string policy)
    {
        await using var redis = await RedisProcess.StartAsync("--maxmemory-policy", policy);
        (await RefusedAsync(redis.Connection)).Should().Contain(policy).And.Contain("noeviction");
    }

    [Fact]
    public async Task A_replica_is_refused_and_a_primary_that_waits_for_none_is_warned_of()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var replica = await redis.StartReplicaAsync();
        (await RefusedAsync(replica.Connection)).Should().Contain("replica");

        await using var node = await NodeAsync(redis.Connection);
        node.Logs.Lines.Should().ContainSingle(l => l.Text.Contains("min-replicas-to-write", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("yes", "always", null, "fsynced")]
    [InlineData("yes", "everysec", null, "written")]
    [InlineData("no", "everysec", null, "accepted")]
    [InlineData("yes", "always", "written", "written")]
    public async Task A_receipt_says_what_this_redis_reaches(string appendonly, string fsync, string? durability, string level)
    {
        await using var redis = await RedisProcess.StartAsync("--appendonly", appendonly, "--appendfsync", fsync);
        await using var node = await NodeAsync(redis.Connection, durability);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        (await amy.SendAsync("x", "room:a")).Level.Should().Be(level);
    }

    [Fact]
    public async Task More_than_redis_reaches_is_refused()
    {
        await using var redis = await RedisProcess.StartAsync();
        (await RefusedAsync(redis.Connection, "fsynced")).Should().Contain("appendfsync to always");
    }

    [Fact]
    [Trait("Guarantee", "G18")]
    public async Task Where_the_configuration_may_not_be_read_the_operators_word_is_asked_for()
    {
        await using var redis = await RedisProcess.StartAsync("--user", "least", "on", ">secret", "~dx:*", "&dx:*", "+@all", "-config");
        var connection = $"{redis.Connection},user=least,password=secret";
        (await RefusedAsync(connection)).Should().Contain("+config|get").And.Contain("Duplexity:Durability");

        await using var node = await NodeAsync(connection, "written");
        await using var amy = await StockSocket.DataAsync(node, "amy");
        (await amy.SendAsync("x", "room:a")).Level.Should().Be("written");
    }

    [Fact]
    public async Task Where_no_redis_is_the_node_says_so_and_no_password_is_repeated()
    {
        var refused = await RefusedAsync($"127.0.0.1:{FreePorts.One()},password=canary,connectRetry=0");
        refused.Should().Contain("cannot be reached").And.NotContain("canary");
    }

    [Fact]
    public void Settings_that_cannot_be_are_refused_by_name()
    {
        var check = new RedisOptionsCheck();
        foreach (var (wrong, named) in new (RedisOptions, string)[]
        {
            (new() { Connection = "" }, "Connection is empty"),
            (new() { Connection = "localhost,nonsense=canary" }, "Connection cannot be read"),
            (new() { Connection = "localhost", Prefix = "a b" }, "Prefix"),
            (new() { Connection = "localhost", Timeout = TimeSpan.Zero }, "Timeout"),
            (new() { Connection = "localhost", Lease = TimeSpan.FromSeconds(2) }, "Lease"),
            (new() { Connection = "localhost", Replicas = -1 }, "Replicas"),
            (new() { Connection = "localhost", Check = TimeSpan.Zero }, "Check"),
        })
        {
            var result = check.Validate(null, wrong);
            result.Failed.Should().BeTrue(named);
            result.FailureMessage.Should().Contain(named).And.NotContain("canary");
        }

        check.Validate(null, new RedisOptions { Connection = "localhost" }).Should().Be(ValidateOptionsResult.Success);
    }

    private static Task<TestNode> NodeAsync(string connection, string? durability = null) => TestNode.StartAsync(s =>
    {
        s.Settings["Duplexity:Redis:Connection"] = connection;
        s.Builder = b => b.AddRedis();
        s.Options = o => o.Durability = durability;
    });

    private static async Task<string> RefusedAsync(string connection, string? durability = null) =>
        (await FluentActions.Awaiting(() => NodeAsync(connection, durability)).Should().ThrowAsync<RedisRefusedException>()).Which.Message;
}
