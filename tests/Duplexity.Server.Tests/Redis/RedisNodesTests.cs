using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Two whole nodes on one Redis, sockets on both.</summary>
[Trait("Requirement", "2.9")]
public sealed class RedisNodesTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    [Trait("Requirement", "1.5")]
    public async Task What_is_said_on_one_node_is_heard_on_the_other_in_one_order_and_read_on_both()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await StockSocket.DataAsync(pair.A, "amy");
        await using var ben = await StockSocket.DataAsync(pair.B, "ben");
        await amy.JoinAsync("room:a");
        await ben.JoinAsync("room:a");

        for (var i = 0; i < 20; i++)
        {
            var (sender, hearer) = i % 2 == 0 ? (amy, ben) : (ben, amy);
            var sent = await sender.SendAsync($"{i}", "room:a");
            sent.Error.Should().BeNull();
            sent.Level.Should().Be("written");
            (await hearer.NextAsync()).Should().BeEquivalentTo(new { Text = $"{i}", Channel = "room:a", Position = sent.Destinations![0].Position });
        }

        foreach (var socket in new[] { amy, ben })
        {
            var history = await socket.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:a", Limit = 100 });
            history.Messages!.Select(m => m.Text).Should().Equal(Enumerable.Range(0, 20).Select(i => $"{i}"));
        }
    }

    [Fact]
    [Trait("Requirement", "3.1")]
    [Trait("Guarantee", "G9")]
    public async Task Who_comes_back_on_another_node_misses_nothing()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await StockSocket.DataAsync(pair.A, "amy");
        Position last;
        await using (var before = await StockSocket.DataAsync(pair.A, "ben"))
        {
            await before.JoinAsync("room:a");
            await amy.SendAsync("1", "room:a");
            last = (await before.NextAsync()).Position!;
        }

        await amy.SendAsync("2", "room:a");
        await using var ben = await StockSocket.DataAsync(pair.B, "ben");
        var joined = await ben.JoinAsync("room:a", since: last);
        await amy.SendAsync("3", "room:a");

        joined.Recovered.Should().BeTrue();
        (await ben.TextsAsync(2)).Should().Equal("2", "3");
    }

    [Fact]
    [Trait("Requirement", "1.11")]
    [Trait("Guarantee", "G23")]
    public async Task Presence_is_one_for_both_nodes_and_a_node_that_stops_takes_its_sockets_out_of_it()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await StockSocket.DataAsync(pair.A, "amy");
        var told = amy.Hear<PresenceChangedEvent>("PresenceChanged");
        await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:a", Presence = true });
        await using var ben = await StockSocket.DataAsync(pair.B, "ben");
        await ben.JoinAsync("room:a");

        var came = await told.ReadAsync().Soon();
        while (came.Joined?.Any(m => m.Client == "ben") != true)
        {
            came = await told.ReadAsync().Soon();
        }

        var snapshot = await ben.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:a" });
        await pair.B.DisposeAsync();
        var went = await told.ReadAsync().Soon();
        while (went.Left?.Any(m => m.Client == "ben") != true)
        {
            went = await told.ReadAsync().Soon();
        }

        snapshot.Members!.Select(m => m.Client).Should().BeEquivalentTo("amy", "ben");
        went.Count.Should().Be(1);
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G17")]
    public async Task A_lock_is_handed_from_one_node_to_the_other()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await StockSocket.DataAsync(pair.A, "amy");
        await using var ben = await StockSocket.DataAsync(pair.B, "ben");
        var told = ben.Hear<LockChangedEvent>("LockChanged");
        var held = await amy.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board", Name = "card" });
        var queued = await ben.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board", Name = "card", WaitMs = 60_000 });

        await amy.InvokeAsync<Done>("ReleaseLock", new ReleaseLockRequest { Lockspace = "board", Name = "card", Token = held.Token });
        var granted = await told.ReadAsync().Soon();

        queued.Should().BeEquivalentTo(new { State = "queued", Position = 1, Holder = "amy" });
        granted.Should().BeEquivalentTo(new { State = "granted", Ticket = queued.Ticket });
        granted.Token.Should().BeGreaterThan(held.Token!.Value);
    }

    [Fact]
    [Trait("Requirement", "1.13")]
    public async Task An_inbox_is_read_on_whichever_node_its_client_is()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await StockSocket.DataAsync(pair.A, "amy");
        await amy.SendAsync("before", "client:ben");
        await using var ben = await StockSocket.DataAsync(pair.B, "ben");
        (await ben.JoinAsync("client:ben")).Error.Should().BeNull();
        await amy.SendAsync("after", "client:ben");

        (await ben.TextsAsync(2)).Should().Equal("before", "after");
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task While_redis_is_away_sockets_stay_and_are_told_and_go_on_when_it_is_back()
    {
        await using var redis = await RedisProcess.StartAsync("--appendfsync", "always");
        await using var node = await TestNode.StartAsync(s => s.Builder = b => b.AddRedis(redis.Connection, o => (o.Timeout, o.Renewal) = (TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(0.2))));
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await amy.JoinAsync("room:a");
        await ben.JoinAsync("room:a");
        await amy.SendAsync("1", "room:a");
        await ben.NextAsync();

        await redis.KillAsync();
        await node.Logs.WaitForAsync("the node to see it", l => l.Event.Name == "Away");
        var refused = await amy.SendAsync("never", "room:a");
        var history = await ben.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:a" });
        await redis.StartAgainAsync();
        await node.Logs.WaitForAsync("the node to be back", l => l.Event.Name == "Back");
        var sent = await amy.SendAsync("2", "room:a");

        refused.Error!.Is(Errors.Unavailable).Should().BeTrue(refused.Error.Sentence);
        history.Error!.Is(Errors.Unavailable).Should().BeTrue(history.Error.Sentence);
        sent.Error.Should().BeNull();
        (await ben.NextAsync()).Text.Should().Be("2");
    }
}
