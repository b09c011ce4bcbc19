using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Replicas: what a receipt says of them, and what is there after a failover.</summary>
[Trait("Guarantee", "G3")]
public sealed class RedisReplicationTests
{
    [Fact]
    public async Task A_receipt_says_replicated_when_a_replica_has_the_message_and_less_when_none_has()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var replica = await redis.StartReplicaAsync();
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Builder = b => b.AddRedis(redis.Connection, o => (o.Replicas, o.Timeout) = (1, TimeSpan.FromSeconds(2)));
        });
        await using var amy = await StockSocket.DataAsync(node, "amy");
        var sent = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => amy.SendAsync($"{i}", "room:a")));
        replica.Process.Freeze();
        var alone = await amy.SendAsync("alone", "room:a");
        replica.Process.Unfreeze();
        var again = await amy.SendAsync("again", "room:a");

        sent.Should().OnlyContain(r => r.Error == null && r.Level == "replicated");
        sent.Select(r => r.Destinations![0].Position!.Offset).Should().BeInAscendingOrder();
        alone.Level.Should().Be("written");
        alone.Error!.Is(Errors.OutcomeUnknown).Should().BeTrue();
        again.Should().BeEquivalentTo(new { Level = "replicated", Error = (DuplexityError?)null });
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task After_a_failover_by_sentinel_every_replicated_message_is_there_and_the_nodes_go_on_by_themselves()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var replica = await redis.StartReplicaAsync();
        await using var sentinel = await SentinelProcess.StartAsync(redis.Port);
        var hearer = new RedisRig.Hearer();
        var (settings, options) = (new RedisOptions { Connection = $"127.0.0.1:{sentinel.Port},serviceName=service", Replicas = 1, Timeout = TimeSpan.FromSeconds(2), Renewal = TimeSpan.FromSeconds(0.2), Check = TimeSpan.FromSeconds(0.5) }, new DuplexityOptions());
        await using var engine = new RedisEngineUnderTest(redis, settings, TimeProvider.System, options, new DefaultRetention(options), [hearer]);
        await engine.StartAsync();
        var log = engine.Engines[0].Log;
        var lobby = Address.Room("lobby");
        await log.FollowAsync(lobby);
        var before = await log.AppendAsync(new AppendRequest(RedisRig.Message("before", lobby)));

        await redis.KillAsync();
        AppendResult? after = null;
        while (after is null)
        {
            try
            {
                after = await log.AppendAsync(new AppendRequest(RedisRig.Message("after", lobby), new IdempotencyKey("AMY", null, 0, "after", "f"))).AsTask().Soon();
            }
            catch (DuplexityException)
            {
                await sentinel.Process.LineAsync("+switch-master");
            }
        }

        before.Level.Should().Be(ReceiptLevel.Replicated);
        after.Level.Should().Be(ReceiptLevel.Written, "there is no replica any more");
        (await log.ReadAsync(lobby, before.Positions[0], 10)).Should().BeEquivalentTo(new { Recovered = true }).And.Match<LogPage>(p => p.Entries.Single().Message.Text == "after");
        after.Positions[0].Epoch.Should().NotBe(before.Positions[0].Epoch);
        (await hearer.Entries.TakeAsync(2))[1].Message.Text.Should().Be("after");
    }
}
