using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>What people make by hand on one node holds on all: rooms, feeds and lockspaces (G8).</summary>
[Trait("Guarantee", "G8")]
public sealed class RedisRoomsTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    [Trait("Requirement", "1.11")]
    public async Task A_room_that_is_made_changed_and_removed_on_one_node_is_so_on_the_other_when_the_answer_comes()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await StockSocket.DiscoveredAsync(pair.A, "amy");
        await using var ben = await StockSocket.DataAsync(pair.B, "ben");
        await using var bens = await StockSocket.DiscoveredAsync(pair.B, "ben");
        var left = ben.Hear<LeftEvent>("Left");
        (await amy.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "club", Policy = new RoomPolicy { Join = ["client:amy", "client:ben"] } })).Error.Should().BeNull();

        (await bens.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "club" })).Error!.Name.Should().Be("name_taken");
        (await ben.JoinAsync("room:club")).Error.Should().BeNull();
        await using (var cleo = await StockSocket.DataAsync(pair.B, "cleo"))
        {
            (await cleo.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:club" })).Error.Should().NotBeNull();
        }

        (await amy.InvokeAsync<RoomResponse>("ChangeRoom", new ChangeRoomRequest { Name = "club", Policy = new RoomPolicy { Join = ["client:amy"] } })).Error.Should().BeNull();
        (await left.ReadAsync().Soon()).Should().BeEquivalentTo(new { Channel = "room:club", Reason = "The room's owner does not let this client be there any more." });
        (await ben.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:club" })).Error.Should().NotBeNull();
        (await amy.InvokeAsync<Done>("RemoveRoom", new RemoveRoomRequest { Name = "club" })).Error.Should().BeNull();
        (await bens.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "club" })).Error.Should().BeNull("nobody has it any more");
        await using var later = await pair.NodeAsync("c");
        await using var dan = await StockSocket.DiscoveredAsync(later, "dan");
        (await dan.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "club" })).Error!.Name.Should().Be("name_taken");
    }

    [Fact]
    [Trait("Requirement", "1.16")]
    public async Task Of_two_nodes_that_make_one_room_at_once_one_has_made_it()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await StockSocket.DiscoveredAsync(pair.A, "amy");
        await using var ben = await StockSocket.DiscoveredAsync(pair.B, "ben");
        for (var i = 0; i < 10; i++)
        {
            var made = await Task.WhenAll(
                amy.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = $"club{i}" }), ben.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = $"club{i}" }));

            made.Count(m => m.Error is null).Should().Be(1);
        }
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task A_lockspace_that_two_nodes_change_at_once_keeps_both_and_tells_of_each_lock_once()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await StockSocket.DiscoveredAsync(pair.A, "amy");
        await using var again = await StockSocket.DiscoveredAsync(pair.B, "amy");
        await using var data = await StockSocket.DataAsync(pair.B, "amy");
        (await amy.InvokeAsync<Done>("CreateLockspace", new CreateLockspaceRequest { Name = "board", Channel = true, Hold = true })).Error.Should().BeNull();
        await data.JoinAsync("lockspace:board");
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => (i % 2 == 0 ? amy : again).InvokeAsync<Done>("Admit", new AdmitRequest { Lockspace = "board", Client = $"c{i}" })));

        foreach (var node in new[] { pair.A, pair.B })
        {
            var lockspaces = (Duplexity.Server.Channels.Lockspaces)node.Services.GetService(typeof(Duplexity.Server.Channels.Lockspaces))!;
            lockspaces.Find("board")!.Admitted.Should().BeEquivalentTo(Enumerable.Range(0, 20).Select(i => $"c{i}"));
        }

        await using var ben = await StockSocket.DataAsync(pair.A, "c1");
        var held = await ben.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board", Name = "card" });
        await ben.InvokeAsync<Done>("ReleaseLock", new ReleaseLockRequest { Lockspace = "board", Name = "card", Token = held.Token });
        await data.SendAsync("the end", "lockspace:board");
        await ben.SettleAsync(data);

        var told = (await data.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "lockspace:board", Limit = 100 })).Messages!;
        told.Count(m => m.Type == "duplexity.lock").Should().Be(2, "granted and released, each once, though every node hears of it");
    }
}
