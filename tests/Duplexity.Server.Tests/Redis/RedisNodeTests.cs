using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Leases of nodes: who is buried, who is not, and how one that was comes back (G16).</summary>
[Trait("Guarantee", "G16")]
public sealed class RedisNodeTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    private static readonly Address Lobby = Address.Room("lobby");
    private static readonly LockName Card = new("board", "card");

    [Fact]
    [Trait("Guarantee", "G23")]
    public async Task What_a_dead_node_had_lapses_by_itself_but_a_lock_only_with_its_own_lease()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var (alive, dead) = (rig.Engine.Nodes[0], await rig.Engine.StartNodeAsync("n3", new RedisRig.Hearer()));
        var heard = new RecordingLockHandler();
        await alive.Locks.StartAsync(heard);
        await dead.Locks.StartAsync(new RecordingLockHandler());
        await alive.Log.FollowAsync(Lobby);
        await alive.Presence.AddAsync(Lobby, "AMY", "s1");
        await dead.Presence.AddAsync(Lobby, "BEN", "s2");
        await dead.Registry.RegisterAsync([Pipe("ben.localhost", "BEN")]);
        await alive.Registry.RegisterAsync([Pipe("amy.localhost", "AMY")]);
        var held = (await dead.Locks.AcquireAsync(new LockRequest(Card, new("BEN", "s2"), "t1", TimeSpan.FromMinutes(4), TimeSpan.Zero))).Held!;
        await alive.Locks.AcquireAsync(new LockRequest(Card, new("AMY", "s1"), "t2", TimeSpan.FromMinutes(4), TimeSpan.FromHours(1)));
        await dead.Locks.AcquireAsync(new LockRequest(Card, new("CLEO", "s2"), "t3", TimeSpan.FromMinutes(4), TimeSpan.FromHours(1)));
        var version = (await alive.Presence.ReadAsync(Lobby)).Version;

        await dead.DisposeAsync();
        await rig.PassAsync(async () => (await alive.Presence.ReadAsync(Lobby)).Members.Count == 1);
        await rig.PassAsync(async () => (await alive.Registry.ListAsync(null)).Count == 1);

        (await alive.Presence.ReadAsync(Lobby)).Should().BeEquivalentTo(new { Version = version + 1, Members = new[] { ("AMY", "s1") } });
        await rig.PassAsync(() => Task.FromResult(rig.Hearers[0].Presence.Contains(new Duplexity.Server.Engine.PresenceChange(Lobby, version + 1, "BEN", "s2", "lost"))));
        (await alive.Registry.ListAsync(null)).Select(e => e.Name).Should().Equal("amy.localhost");
        alive.Locks.Find(Card)!.Token.Should().Be(held.Token, "whoever is cut off from its node may still count on the lease");
        await rig.PassAsync(() => Task.FromResult(heard.All.Any(c => c.Event == LockEvent.Granted && c.Holder.Client == "AMY")));
        await rig.PassAsync(() => Task.FromResult(heard.All.Any(c => c.Event == LockEvent.Expired && c.Holder.Client == "AMY")));
        await rig.PassAsync(() => Task.FromResult(alive.Locks.Find(Card) is null));
        heard.All.Should().NotContain(c => c.Event == LockEvent.Granted && c.Holder.Client == "CLEO", "nobody waits at a dead node");
    }

    [Fact]
    [Trait("Guarantee", "G16")]
    public async Task Of_a_name_that_two_nodes_sessions_share_a_dead_nodes_part_lapses_and_comes_back_with_it()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var (alive, node) = (rig.Engine.Nodes[0], rig.Engine.Engines[1]);
        PipeEntry Shared(string session) => Pipe("amy.localhost", "AMY") with { Session = session, Settings = new Duplexity.Protocol.PipeRegistration { Share = true } };
        await alive.Registry.RegisterAsync([Shared("here")]);
        await node.Registry.RegisterAsync([Shared("there")]);
        var was = node.Node.Id;
        await using var admin = await redis.Server.ConnectAsync();
        await admin.GetDatabase().SortedSetRemoveAsync($"{rig.Engine.Prefix}:1:nodes", was);
        await admin.GetDatabase().SortedSetAddAsync($"{rig.Engine.Prefix}:1:buried", was, 1);
        await rig.Engine.Engines[0].Node.RoundAsync();

        (await alive.Registry.LocateAllAsync("amy.localhost")).Select(e => e.Session).Should().Equal("here");
        await rig.PassAsync(() => Task.FromResult(node.Node.Id != was));
        await rig.PassAsync(async () => (await alive.Registry.ListAsync("AMY")).Count == 2);
        (await alive.Registry.RemoveAsync("AMY", "here", 10)).Should().ContainSingle();
        (await alive.Registry.LocateAllAsync("amy.localhost")).Select(e => e.Session).Should().Equal("there");
    }

    [Fact]
    public async Task A_node_that_was_buried_is_refused_and_comes_back_with_what_it_has()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var node = rig.Engine.Engines[1];
        await node.Log.FollowAsync(Lobby);
        await node.Presence.AddAsync(Lobby, "BEN", "s2");
        await node.Registry.RegisterAsync([Pipe("ben.localhost", "BEN")]);
        var was = node.Node.Id;

        // Behind its back: as others do when it has stood still for longer than its lease.
        await using var admin = await redis.Server.ConnectAsync();
        await admin.GetDatabase().SortedSetRemoveAsync($"{rig.Engine.Prefix}:1:nodes", was);
        await admin.GetDatabase().SortedSetAddAsync($"{rig.Engine.Prefix}:1:buried", was, 1);
        await rig.Engine.Engines[0].Node.RoundAsync();
        await rig.PassAsync(() => Task.FromResult(node.Node.Id != was));
        await rig.PassAsync(async () => (await node.Presence.ListOwnAsync()).Count == 1);

        (await node.Registry.LocateAsync("ben.localhost"))!.Client.Should().Be("BEN");
        (await node.Presence.ReadAsync(Lobby)).Members.Should().Equal(("BEN", "s2"));
        await rig.AppendAsync(0, "it follows again", Lobby);
        await rig.PassAsync(() => Task.FromResult(rig.Hearers[1].Entries.TakeArrived().Any(e => e.Message.Text == "it follows again")));
    }

    [Fact]
    public async Task An_append_under_a_lease_that_is_over_is_refused_and_stores_nothing()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var node = rig.Engine.Engines[1];
        await using var admin = await redis.Server.ConnectAsync();
        await admin.GetDatabase().SortedSetRemoveAsync($"{rig.Engine.Prefix}:1:nodes", node.Node.Id);

        var refused = await FluentActions.Awaiting(() => rig.AppendAsync(1, "never", Lobby)).Should().ThrowAsync<DuplexityException>();

        refused.Which.Error.Is(Errors.Unavailable).Should().BeTrue();
        (await node.Log.TopAsync(Lobby)).Should().Be(Position.Start);
        await rig.PassAsync(async () =>
        {
            try
            {
                return (await rig.AppendAsync(1, "under the next lease", Lobby)).Offset == 1;
            }
            catch (DuplexityException)
            {
                return false;
            }
        });
    }

    [Fact]
    public async Task Nobody_is_buried_while_the_store_was_away_for_all()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        await rig.Engine.Nodes[0].Presence.AddAsync(Lobby, "AMY", "s1");
        await rig.Engine.Nodes[1].Presence.AddAsync(Lobby, "BEN", "s2");
        var (ids, before) = (rig.Engine.Engines.Select(e => e.Node.Id).ToArray(), await rig.Engine.Nodes[0].Presence.ReadAsync(Lobby));

        // Three leases in which nobody renews; then all do.
        rig.Time.Advance(TimeSpan.FromSeconds(90));
        for (var i = 0; i < 40; i++)
        {
            rig.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAll(rig.Engine.Engines.Select(e => e.Node.RoundAsync()));
        }

        (await rig.Engine.Nodes[0].Presence.ReadAsync(Lobby)).Should().BeEquivalentTo(before);
        rig.Engine.Engines.Select(e => e.Node.Id).Should().Equal(ids);
    }

    [Fact]
    public async Task A_node_that_leaves_takes_what_it_had_along_at_once()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var (stays, leaves) = (rig.Engine.Nodes[0], rig.Engine.Engines[1]);
        await leaves.Log.FollowAsync(Lobby);
        await leaves.Presence.AddAsync(Lobby, "BEN", "s2");
        await leaves.Registry.RegisterAsync([Pipe("ben.localhost", "BEN")]);

        await leaves.LeaveAsync();

        (await stays.Presence.ReadAsync(Lobby)).Members.Should().BeEmpty();
        (await stays.Registry.ListAsync(null)).Should().BeEmpty();
        await using var admin = await redis.Server.ConnectAsync();
        var left = ((string[])(await admin.GetDatabase().ExecuteAsync("KEYS", $"{rig.Engine.Prefix}:*"))!).Where(k => k.Contains(leaves.Node.Id, StringComparison.Ordinal) || k.Contains(":followers", StringComparison.Ordinal));
        left.Should().BeEmpty("every index is empty at the end");
    }

    private static PipeEntry Pipe(string name, string client) => new()
    {
        Name = name,
        Client = client,
        Session = "laptop",
        Generation = 10,
        Node = "n1",
        Resource = "http://localhost:9090",
        HostHeader = "keep",
        Url = $"http://{name}:5080",
        Since = DateTimeOffset.UnixEpoch,
    };
}
