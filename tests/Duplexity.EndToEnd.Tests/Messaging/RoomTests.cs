using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Messaging;

/// <summary>BEN and AMY talk: the first note's sentences about channels, played with real sockets.</summary>
public sealed class RoomTests
{
    [Fact]
    [Trait("Requirement", "1.6")]
    [Trait("Requirement", "1.11")]
    [Trait("Requirement", "1.12")]
    public async Task A_message_reaches_the_sockets_that_joined_and_no_other()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var amy1 = await node.ConnectAsync("amy", WithInbox);
        await using var amy2 = await node.ConnectAsync("amy", WithInbox);
        await using var room = await amy1.JoinAsync("lobby");
        using var heard = new Heard(room);
        using var inbox1 = new Heard(amy1.Inbox);
        using var inbox2 = new Heard(amy2.Inbox);

        var receipt = await ben.SendAsync(Address.Room("lobby"), "to the room");
        await ben.SendAsync(Address.Client("amy"), "mark");

        (await heard.NextAsync()).Text.Should().Be("to the room");
        (await inbox2.TextsBeforeAsync("mark")).Should().BeEmpty("this socket joined nothing");
        (await inbox1.TextsBeforeAsync("mark")).Should().BeEmpty("the room's copy came through the room");
        receipt.Destinations.Should().ContainSingle().Which.Listeners.Should().Be(1);
        (await ben.PresenceAsync(Address.Room("lobby"))).Members.Should().ContainSingle().Which.Should().BeEquivalentTo(
            new Protocol.Member { Client = "amy", Sockets = [amy1.SocketId] });
    }

    [Fact]
    [Trait("Requirement", "1.9")]
    public async Task The_origin_is_the_sending_socket_alone_and_it_does_not_hear_itself()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var amy1 = await node.ConnectAsync("amy");
        await using var amy2 = await node.ConnectAsync("amy");
        await using var room1 = await amy1.JoinAsync("lobby");
        await using var room2 = await amy2.JoinAsync("lobby");
        using var heard1 = new Heard(room1);
        using var heard2 = new Heard(room2);

        await room1.SendAsync("from 1001");
        await ben.SendAsync(Address.Room("lobby"), "mark");

        var message = await heard2.NextAsync();
        message.Text.Should().Be("from 1001");
        message.From.Should().BeEquivalentTo(new Protocol.Origin { Client = "amy", Socket = amy1.SocketId });
        message.For.Should().Be("amy");
        (await heard1.TextsBeforeAsync("mark")).Should().BeEmpty();
    }

    [Fact]
    [Trait("Requirement", "1.5")]
    [Trait("Requirement", "1.8")]
    public async Task A_client_hears_once_on_each_of_its_sockets_and_a_closed_one_leaves_the_other()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var amy1 = await node.ConnectAsync("amy", WithInbox);
        await using var amy2 = await node.ConnectAsync("amy", WithInbox);
        using var heard1 = new Heard(amy1.Inbox);
        using var heard2 = new Heard(amy2.Inbox);

        await ben.SendAsync(Address.Client("amy"), "one");
        (await heard1.NextAsync()).Text.Should().Be("one");
        (await heard2.NextAsync()).Text.Should().Be("one");
        await amy1.DisposeAsync();
        await ben.SendAsync(Address.Client("amy"), "two");

        (await heard2.NextAsync()).Text.Should().Be("two", "each message comes once");
    }

    [Fact]
    [Trait("Requirement", "1.16")]
    [Trait("Requirement", "1.26")]
    public async Task A_message_without_destination_goes_to_the_followers_of_the_sender()
    {
        await using var node = await TestNode.StartAsync();
        await using var egg = await node.ConnectAsync("egg", WithInbox);
        var alone = await egg.EmitAsync("to nobody");
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await node.ConnectAsync("amy", WithInbox);
        await egg.Followers.SetAsync(["client:ben"]);
        await using var feed = await ben.FollowAsync("egg");
        using var heard = new Heard(feed);
        using var stranger = new Heard(amy.Inbox);
        using var own = new Heard(egg.Inbox);

        var receipt = await egg.EmitAsync("from egg");
        await ben.SendAsync([Address.Client("amy"), Address.Client("egg")], "mark");

        (await heard.NextAsync()).Text.Should().Be("from egg");
        (await stranger.TextsBeforeAsync("mark")).Should().BeEmpty();
        (await own.TextsBeforeAsync("mark")).Should().BeEmpty();
        alone.Destinations.Should().ContainSingle().Which.Listeners.Should().Be(0, "nobody followed yet, and the receipt says so");
        receipt.Destinations.Should().ContainSingle(d => d.To == Address.Feed("egg")).Which.Listeners.Should().Be(1);
    }

    [Fact]
    [Trait("Requirement", "1.27")]
    public async Task A_message_without_destination_goes_once_to_everyone_else_in_the_senders_rooms()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await node.ConnectAsync("amy");
        await using var zoe = await node.ConnectAsync("zoe");
        await using var benHere = await ben.JoinAsync("here");
        await using var amyHere = await amy.JoinAsync("here");
        await using var zoeThere = await zoe.JoinAsync("there");
        using var atAmy = new Heard(amyHere);
        using var atZoe = new Heard(zoeThere);
        using var atBen = new Heard(benHere);

        await ben.EmitAsync("hello room");
        await amy.SendAsync([Address.Room("here"), Address.Room("there")], "mark");
        await zoe.SendAsync(Address.Room("here"), "end");

        (await atAmy.TextsBeforeAsync("end")).Should().Equal("hello room");
        (await atZoe.TextsBeforeAsync("mark")).Should().BeEmpty();
        (await atBen.TextsBeforeAsync("mark")).Should().BeEmpty();
    }

    [Fact]
    [Trait("Requirement", "1.28")]
    [Trait("Requirement", "1.23")]
    public async Task Listed_destinations_replace_the_rooms_and_what_is_unknown_or_forbidden_does_not_fail_the_known()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await node.ConnectAsync("amy", WithInbox);
        await using var benRoom = await ben.JoinAsync("lobby");
        await using var amyRoom = await amy.JoinAsync("lobby");
        using var room = new Heard(amyRoom);
        using var inbox = new Heard(amy.Inbox);

        var receipt = await ben.SendAsync([Address.Client("amy"), Address.Socket("nobody"), Address.Service("audit"), Address.Socket(amy.SocketId)], "listed");
        await benRoom.SendAsync("mark");

        (await inbox.NextAsync()).Text.Should().Be("listed");
        (await room.TextsBeforeAsync("mark")).Should().BeEmpty("a list replaces the default route");
        receipt.Complete.Should().BeFalse();
        receipt.Destinations.Select(d => d.To.ToString()).Should().Equal("client:amy", "socket:nobody", "service:audit", $"socket:{amy.SocketId}");
        receipt.Destinations[0].Position.Should().NotBeNull();
        receipt.Destinations.Skip(1).Select(d => d.Error!.Code).Should().AllBeEquivalentTo(Errors.UnknownDestination.Code);
        receipt.Destinations.Skip(1).Select(d => d.Error!.Sentence.Replace(d.To.ToString(), "…", StringComparison.Ordinal)).Distinct().Should().ContainSingle(
            "what is forbidden reads like what is not there");
    }

    [Fact]
    [Trait("Requirement", "1.14")]
    [Trait("Requirement", "1.18")]
    [Trait("Guarantee", "G9")]
    public async Task One_message_to_a_socket_a_room_and_a_client_is_handled_once()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var ben = await node.ConnectAsync("ben", o => WithInbox(o) with { DirectFromAnyone = true });
        await using var room = await ben.JoinAsync("r");
        using var fromRoom = new Heard(room);
        using var fromInbox = new Heard(ben.Inbox);

        for (var i = 0; i < 20; i++)
        {
            var receipt = await amy.SendAsync([Address.Socket(ben.SocketId), Address.Room("r"), Address.Client("ben")], $"message {i}");
            receipt.Complete.Should().BeTrue();
        }

        await amy.SendAsync(Address.Room("r"), "mark");
        await amy.SendAsync(Address.Client("ben"), "mark");
        await amy.SendAsync(Address.Socket(ben.SocketId), "mark of the socket");

        // Between channels there is no order: what came to the socket itself may come behind the inbox's mark, and is heard there as well.
        List<string?> inbox = [.. await fromInbox.TextsBeforeAsync("mark")];
        if (!inbox.Remove("mark of the socket"))
        {
            inbox.AddRange(await fromInbox.TextsBeforeAsync("mark of the socket"));
        }

        var all = (await fromRoom.TextsBeforeAsync("mark")).Concat(inbox);
        all.Should().BeEquivalentTo(Enumerable.Range(0, 20).Select(i => $"message {i}"));
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    public async Task A_thousand_pipelined_sends_arrive_in_the_order_of_their_calls()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await node.ConnectAsync("amy");
        await using var room = await amy.JoinAsync("r");
        using var heard = new Heard(room);

        var receipts = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(i => ben.SendAsync(Address.Room("r"), $"{i}"))).Soon();

        (await heard.TextsAsync(1_000)).Should().Equal(Enumerable.Range(0, 1_000).Select(i => $"{i}"));
        receipts.Select(r => r.Destinations[0].Position!.Offset).Should().BeInAscendingOrder().And.OnlyHaveUniqueItems();
    }

    private static DuplexityConnectionOptions WithInbox(DuplexityConnectionOptions options) => options with { Inbox = new JoinOptions { Last = 100 } };
}
