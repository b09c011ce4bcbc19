using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using Duplexity.Server.Tests.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

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
