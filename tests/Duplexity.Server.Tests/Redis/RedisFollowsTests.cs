using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Which node hears of what, and what a lost hint costs.</summary>
public sealed class RedisFollowsTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    private static readonly Address Lobby = Address.Room("lobby");
    private static readonly Address Other = Address.Room("other");

    [Fact]
    public async Task A_node_hears_of_the_channels_that_it_follows_as_long_as_anybody_there_does()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var log = rig.Engine.Nodes[1].Log;
        await log.FollowAsync(Lobby);
        await log.FollowAsync(Lobby);
        await log.FollowAsync(Other);
        log.Unfollow(Lobby);

        await rig.AppendAsync(0, "1", Lobby);
        await rig.Engine.Nodes[0].Log.AppendAsync(new AppendRequest(RedisRig.Message("2", Address.Room("nobody's"), Lobby, Other)));
        var heard = await rig.Hearers[1].Entries.TakeAsync(3);
        log.Unfollow(Lobby);
        await log.FollowAsync(Address.Room("last"));
        await rig.AppendAsync(0, "3", Lobby);
        await rig.AppendAsync(0, "4", Address.Room("last"));

        heard.Select(e => (e.Channel, e.Message.Text, e.Position.Offset)).Should().Equal((Lobby, "1", 1), (Lobby, "2", 2), (Other, "2", 1));
        heard[2].Earlier.Should().HaveCount(2);
        (await rig.Hearers[1].Entries.TakeAsync(1)).Single().Message.Text.Should().Be("4", "the room before it is followed no more");
        rig.Hearers[0].Entries.TakeArrived().Should().BeEmpty("nobody there follows anything");
    }

    [Fact]
    public async Task A_hint_beside_the_entries_comes_to_the_other_nodes_that_follow_the_channel()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        await rig.Engine.Nodes[0].Log.FollowAsync(Lobby);
        await rig.Engine.Nodes[1].Log.FollowAsync(Lobby);

        await rig.Engine.Nodes[0].Log.HintAsync(Other);
        await rig.Engine.Nodes[0].Log.HintAsync(Lobby);
        await rig.AppendAsync(0, "later", Lobby);
        await rig.Hearers[0].Entries.TakeAsync(1);
        await rig.Hearers[1].Entries.TakeAsync(1);

        rig.Hearers[1].Hinted.Should().Equal(Lobby);
        rig.Hearers[0].Hinted.Should().BeEmpty("it knows");
    }

    [Fact]
    [Trait("Guarantee", "G16")]
    public async Task A_nodes_name_is_gone_when_it_has_left_and_not_before()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var (one, other) = (rig.Engine.Engines[0], (IEngine)rig.Engine.Engines[1]);
        (await one.IsGoneAsync(other.Node)).Should().BeFalse();

        await rig.Engine.Engines[1].LeaveAsync();

        (await one.IsGoneAsync(other.Node)).Should().BeTrue();
        (await one.IsGoneAsync(((IEngine)one).Node)).Should().BeFalse();
    }

    [Fact]
    public async Task Ten_thousand_channels_that_are_followed_at_once_are_a_few_calls()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var node = rig.Engine.Engines[0];

        await Task.WhenAll(Enumerable.Range(0, 10_000).Select(i => node.Log.FollowAsync(Address.Room($"r{i}")).AsTask()));
        await rig.AppendAsync(1, "9999", Address.Room("r9999"));

        node.Follows.Calls.Should().BeLessThan(200, "one by one it would be ten thousand");
        (await rig.Hearers[0].Entries.TakeAsync(1)).Single().Message.Text.Should().Be("9999");
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task What_a_lost_hint_told_of_is_heard_with_the_next_comparison_and_once()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var node = rig.Engine.Engines[0];
        await node.Log.FollowAsync(Lobby);
        await rig.AppendAsync(1, "heard", Lobby);
        await rig.Hearers[0].Entries.TakeAsync(1);

        // The store forgets who follows, so that it tells nobody.
        await using var admin = await redis.Server.ConnectAsync();
        var followers = (await admin.GetDatabase().ExecuteAsync("KEYS", $"{rig.Engine.Prefix}:1:followers:room:lobby")).ToString();
        await admin.GetDatabase().KeyDeleteAsync(followers);
        var lost = await rig.AppendAsync(1, "lost", Lobby);
        rig.Time.Advance(TimeSpan.FromSeconds(6));

        (await rig.Hearers[0].Entries.TakeAsync(1)).Single().Position.Should().Be(lost);
        await rig.AppendAsync(1, "after", Lobby);
        (await rig.Hearers[0].Entries.TakeAsync(1)).Single().Message.Text.Should().Be("after", "it is told again that this node follows");
        rig.Hearers[0].Entries.TakeArrived().Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_broken_subscription_is_made_again_and_misses_nothing()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        await rig.Engine.Nodes[0].Log.FollowAsync(Lobby);
        await rig.AppendAsync(1, "0", Lobby);
        await rig.Hearers[0].Entries.TakeAsync(1);
        await using var admin = await redis.Server.ConnectAsync();
        await admin.GetDatabase().ExecuteAsync("CLIENT", "KILL", "TYPE", "pubsub");

        var last = await rig.AppendAsync(1, "1", Lobby);
        LogEntry? heard = null;
        await rig.PassAsync(async () =>
        {
            heard = rig.Hearers[0].Entries.TakeArrived().LastOrDefault() ?? heard;
            await rig.Engine.Nodes[0].Log.TopAsync(Lobby);
            return heard is not null;
        });
        heard!.Position.Should().Be(last);
    }

    [Fact]
    [Trait("Guarantee", "G23")]
    public async Task A_lost_change_of_presence_is_said_with_the_next_comparison()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var (node, other) = (rig.Engine.Engines[0], rig.Engine.Engines[1]);
        await node.Log.FollowAsync(Lobby);
        await other.Presence.AddAsync(Lobby, "AMY", "s1");
        await rig.PassAsync(() => Task.FromResult(rig.Hearers[0].Presence.Count == 1));
        await using var admin = await redis.Server.ConnectAsync();
        await admin.GetDatabase().KeyDeleteAsync($"{rig.Engine.Prefix}:1:followers:room:lobby");

        await other.Presence.AddAsync(Lobby, "BEN", "s2");
        await rig.PassAsync(() => Task.FromResult(!rig.Hearers[0].Missed.IsEmpty));

        rig.Hearers[0].Missed.Should().Equal(Lobby);
        rig.Hearers[0].Presence.Should().HaveCount(1);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Whatever_can_be_left_behind_has_an_end_and_every_key_has_the_prefix()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var engine = rig.Engine.Nodes[0];
        var made = new AppendRequest(RedisRig.Message("x", Lobby, Address.Client("BEN"), Address.Socket("s1")), new IdempotencyKey("AMY", "laptop", 1, null, "f"))
        {
            Fence = new Fence("board/card", 5),
            Source = new SourcePlace("pipe/1", new Position(3, "e")),
        };
        await engine.Log.AppendAsync(made);
        await engine.Log.AppendAsync(new AppendRequest(RedisRig.Message("y", Lobby), new IdempotencyKey("AMY", null, 0, "key", "f")));
        await engine.Vault.TryAddAsync("ticket", "value", TimeSpan.FromSeconds(30));
        await using var admin = await redis.Server.ConnectAsync();
        var database = admin.GetDatabase();

        var keys = (string[])(await database.ExecuteAsync("KEYS", $"{rig.Engine.Prefix}:*"))!;
        var endless = new List<string>();
        foreach (var key in keys)
        {
            if (await database.KeyTimeToLiveAsync(key) is null)
            {
                endless.Add(key[$"{rig.Engine.Prefix}:1:".Length..]);
            }
        }

        keys.Should().OnlyContain(k => k.StartsWith($"{rig.Engine.Prefix}:1:", StringComparison.Ordinal)).And.HaveCountGreaterThan(15);
        endless.Should().BeEquivalentTo("nodes", "watch", "births");
    }
}
