using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Pipes;
using Duplexity.Server.Tests.Auth;
using Duplexity.Server.Tests.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;
using ServerLockspaces = Duplexity.Server.Channels.Lockspaces;

namespace Duplexity.Server.Tests.Rooms;

/// <summary>What owners say about channels while nothing can be written.</summary>
public sealed class FullDiskTests
{
    [Fact]
    [Trait("Requirement", "1.16")]
    public async Task A_feed_whose_followers_cannot_be_written_is_open_to_nobody_though_the_settings_open_all()
    {
        var records = new FullRecords(isFull: false);
        var book = new RoomBook(records);
        var options = new DuplexityOptions();
        options.Feeds.Followers = ["*"];
        var rules = new RoomRules(new RoomPatterns(options), book, options);
        await book.SetFeedAsync("amy", ["client:ben"], default);

        records.IsFull = true;
        foreach (var words in (string[]?[])[["client:cleo"], null])
        {
            await FluentActions.Awaiting(async () => await book.SetFeedAsync("amy", words, default)).Should().ThrowAsync<IOException>();
            rules.Lets(RoomRight.Join, Address.Feed("amy"), "eve", null).Should().BeFalse();
        }

        records.IsFull = false;
        await book.SetFeedAsync("amy", null, default);
        rules.Lets(RoomRight.Join, Address.Feed("amy"), "eve", null).Should().BeTrue();
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_room_that_could_not_be_written_is_not_there()
    {
        var records = new FullRecords();
        var book = new RoomBook(records);
        var room = new MadeRoom("amy", DateTimeOffset.UnixEpoch, null);

        await FluentActions.Awaiting(async () => await book.TryAddAsync("plan", room, default)).Should().ThrowAsync<IOException>();

        book.Find("plan").Should().BeNull("its owner is told that it was not made, and could neither make it again nor remove it");
        records.IsFull = false;
        (await book.TryAddAsync("plan", room, default)).Should().BeTrue();
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_policy_that_could_not_be_written_is_not_in_force_and_the_room_stays_as_it_was()
    {
        var records = new FullRecords(isFull: false);
        var book = new RoomBook(records);
        var room = new MadeRoom("amy", DateTimeOffset.UnixEpoch, null);
        await book.TryAddAsync("plan", room, default);
        records.IsFull = true;

        await FluentActions.Awaiting(async () => await book.TryChangeAsync("plan", room, new MadeRoom("amy", room.Since, new() { Join = ["client:ben"] }), default)).Should().ThrowAsync<IOException>();

        book.Find("plan").Should().BeSameAs(room);
        (await book.TryChangeAsync("plan", room, new MadeRoom("amy", room.Since, null) { IsClosing = true }, default)).Should().BeTrue("nothing is written of that");
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task A_lockspace_that_could_not_be_written_is_as_it_was_made_or_not()
    {
        var records = new FullRecords();
        var lockspaces = new ServerLockspaces(new VaultOnly(records), new DuplexityOptions(), TimeProvider.System);
        var made = new MadeLockspace("board", "amy", false, true, null, null, []);

        await FluentActions.Awaiting(async () => await lockspaces.ChangeAsync("board", _ => made, default)).Should().ThrowAsync<IOException>();
        lockspaces.Find("board").Should().BeNull();

        records.IsFull = false;
        await lockspaces.ChangeAsync("board", _ => made, default);
        records.IsFull = true;
        await FluentActions.Awaiting(async () => await lockspaces.ChangeAsync("board", there => there! with { Holds = false }, default)).Should().ThrowAsync<IOException>();
        await FluentActions.Awaiting(async () => await lockspaces.RemoveAsync("board", default)).Should().ThrowAsync<IOException>();
        lockspaces.Find("board").Should().Be(made);
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task Of_many_that_are_admitted_at_once_none_is_lost()
    {
        await using var node = await TestNode.StartAsync(s => s.Settings["Duplexity:Data"] = "data");
        await using var amy = await StockSocket.DiscoveredAsync(node, "amy");
        await amy.InvokeAsync<Done>("CreateLockspace", new CreateLockspaceRequest { Name = "board", Hold = true });
        var sockets = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => StockSocket.DiscoveredAsync(node, "amy")));

        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => sockets[i % 4].InvokeAsync<HeldResponse>("Admit", new AdmitRequest { Lockspace = "board", Client = $"guest-{i}" })));

        node.Services.GetRequiredService<ServerLockspaces>().Find("board")!.Admitted.Should().BeEquivalentTo(Enumerable.Range(0, 40).Select(i => $"guest-{i}"));
        await Task.WhenAll(sockets.Select(s => s.DisposeAsync().AsTask()));
    }

    [Fact]
    [Trait("Requirement", "1.27")]
    public async Task A_room_whose_removal_ended_halfway_is_removed_by_its_owner_again()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DiscoveredAsync(node, "amy");
        await using var ben = await StockSocket.DiscoveredAsync(node, "ben");
        var book = node.Services.GetRequiredService<RoomBook>();
        await amy.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "plan" });
        var made = book.Find("plan")!;
        (await book.TryChangeAsync("plan", made, new MadeRoom(made.Owner, made.Since, made.Policy) { IsClosing = true }, default)).Should().BeTrue();

        var foreign = await ben.InvokeAsync<Done>("RemoveRoom", new RemoveRoomRequest { Name = "plan" });
        var own = await amy.InvokeAsync<Done>("RemoveRoom", new RemoveRoomRequest { Name = "plan" });

        foreign.Error!.Name.Should().Be("unknown_destination");
        own.Error.Should().BeNull();
        (await ben.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "plan" })).Room!.Owner.Should().Be("ben");
    }
}
