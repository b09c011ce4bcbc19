using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

public sealed class DataHubTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Requirement", "1.5")]
    [Trait("Requirement", "1.9")]
    [Trait("Requirement", "1.14")]
    public async Task A_message_to_a_room_reaches_its_members_once_the_sender_not_and_names_who_sent_it(bool json)
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben", json);
        await using var amy1 = await StockSocket.DataAsync(node, "amy", json);
        await using var amy2 = await StockSocket.DataAsync(node, "amy", json);
        foreach (var socket in new[] { ben, amy1, amy2 })
        {
            await socket.JoinAsync("room:lobby");
        }

        var receipt = await amy1.SendAsync("hello", "room:lobby");

        receipt.Error.Should().BeNull();
        receipt.Level.Should().Be("accepted");
        receipt.Destinations!.Should().ContainSingle().Which.Listeners.Should().Be(2);
        foreach (var socket in new[] { ben, amy2 })
        {
            var message = await socket.NextAsync();
            (message.Text, message.From.Client, message.From.Socket, message.Id).Should().Be(("hello", "amy", amy1.Id, receipt.MessageId!));
            message.For.Should().BeNull();
            message.Position.Should().Be(receipt.Destinations![0].Position);
        }

        await amy1.SettleAsync(ben);
        amy1.HasNothing.Should().BeTrue();
    }

    [Fact]
    [Trait("Requirement", "1.14")]
    public async Task A_receiver_reached_three_ways_gets_one_copy_under_the_first()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await ben.InvokeAsync<OpenResponse>("Open", new OpenRequest { Direct = "anyone" });
        await ben.JoinAsync("room:r");
        await ben.JoinAsync("client:ben");

        await amy.SendAsync("hi", $"socket:{ben.Id}", "room:r", "client:ben");
        await amy.SendAsync("bye", "client:ben", "room:r");

        // There is no order between channels.
        var copies = new[] { await ben.NextAsync(), await ben.NextAsync() };
        copies.Select(c => (c.Text, c.Channel)).Should().BeEquivalentTo([("hi", $"socket:{ben.Id}"), ("bye", "client:ben")]);
        await ben.SettleAsync(amy);
        ben.HasNothing.Should().BeTrue();
    }

    [Fact]
    [Trait("Guarantee", "G9")]
    public async Task What_was_withheld_is_named_by_after_and_otherwise_after_is_left_out()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await amy.JoinAsync("room:r");
        var joined = await ben.JoinAsync("room:r");

        await amy.SendAsync("1", "room:r");
        await ben.SendAsync("2", "room:r");
        await ben.SendAsync("3", "room:r");
        await amy.SendAsync("4", "room:r");
        var first = await ben.NextAsync();
        var fourth = await ben.NextAsync();

        joined.Position!.Offset.Should().Be(0);
        first.After.Should().BeNull();
        (fourth.Text, fourth.After).Should().Be(("4", first.Position));
    }

    [Fact]
    [Trait("Guarantee", "G9")]
    public async Task Where_nothing_follows_what_was_withheld_the_place_advances_by_an_event()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Times.Advance = TimeSpan.FromMilliseconds(1));
        await using var ben = await StockSocket.DataAsync(node, "ben");
        var joined = await ben.JoinAsync("room:r");

        var receipt = await ben.SendAsync("mine", "room:r");

        var advanced = await ben.NextAdvancedAsync();
        while (advanced.Channel != "room:r")
        {
            advanced = await ben.NextAdvancedAsync();
        }

        (advanced.After, advanced.Through).Should().Be((joined.Position!, receipt.Destinations![0].Position!));
    }

    [Fact]
    [Trait("Requirement", "1.26")]
    [Trait("Requirement", "1.27")]
    public async Task What_a_client_emits_reaches_followers_roommates_and_its_other_sockets()
    {
        await using var node = await TestNode.StartAsync(s => s.Settings["Duplexity:Feeds:Followers:0"] = "*");
        await using var egg1 = await StockSocket.DataAsync(node, "egg");
        await using var egg2 = await StockSocket.DataAsync(node, "egg");
        await using var follower = await StockSocket.DataAsync(node, "amy");
        await using var roommate = await StockSocket.DataAsync(node, "ben");
        await using var stranger = await StockSocket.DataAsync(node, "cid");
        await follower.JoinAsync("feed:egg");
        await roommate.JoinAsync("room:kitchen");
        await stranger.JoinAsync("room:hall");
        await egg1.JoinAsync("room:kitchen");

        var receipt = await egg1.InvokeAsync<SendResponse>("Emit", new EmitRequest { Text = "hi" });

        receipt.Destinations!.Select(d => d.To).Should().Equal("feed:egg", "room:kitchen");
        (await egg2.NextAsync()).Channel.Should().Be("feed:egg");
        (await follower.NextAsync()).Channel.Should().Be("feed:egg");
        (await roommate.NextAsync()).Channel.Should().Be("room:kitchen");
        await stranger.SettleAsync(egg1);
        stranger.HasNothing.Should().BeTrue();
    }

    [Fact]
    public async Task A_join_starts_now_at_a_place_or_with_the_last_n()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var now = await StockSocket.DataAsync(node, "ben");
        await using var place = await StockSocket.DataAsync(node, "ben");
        await using var last = await StockSocket.DataAsync(node, "ben");
        var places = new List<Position>();
        for (var i = 1; i <= 10; i++)
        {
            places.Add((await amy.SendAsync($"{i}", "room:r")).Destinations![0].Position!);
        }

        await now.JoinAsync("room:r");
        var atPlace = await place.JoinAsync("room:r", since: places[6]);
        await last.JoinAsync("room:r", last: 2);
        await amy.SendAsync("11", "room:r");

        atPlace.Recovered.Should().BeTrue();
        (await now.TextsAsync(1)).Should().Equal("11");
        (await place.TextsAsync(4)).Should().Equal("8", "9", "10", "11");
        (await last.TextsAsync(3)).Should().Equal("9", "10", "11");
    }

    [Fact]
    [Trait("Requirement", "3.8")]
    public async Task A_place_that_names_nothing_here_is_answered_recovered_false_and_delivery_goes_on_from_now()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        var receipt = await amy.SendAsync("1", "room:r");

        var joined = await ben.JoinAsync("room:r", since: new Position(1, "another"));
        await amy.SendAsync("2", "room:r");

        joined.Recovered.Should().BeFalse();
        joined.Position.Should().Be(receipt.Destinations![0].Position);
        (await ben.TextsAsync(1)).Should().Equal("2");
    }

    [Fact]
    public async Task History_pages_in_both_directions_and_ends()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        for (var i = 1; i <= 5; i++)
        {
            await amy.SendAsync($"{i}", "room:r");
        }

        var texts = new List<string?>();
        var page = new HistoryResponse();
        do
        {
            page = await amy.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:r", Limit = 2, Since = page.Next });
            texts.AddRange(page.Messages!.Select(m => m.Text));
        }
        while (page.Next is not null);
        var newest = await amy.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:r", Limit = 2, Reverse = true });

        texts.Should().Equal("1", "2", "3", "4", "5");
        newest.Messages!.Select(m => m.Text).Should().Equal("5", "4");
    }

    [Fact]
    public async Task Another_clients_inbox_can_be_neither_joined_nor_read()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");

        (await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:ben" })).Error!.Code.Should().Be(203);
        (await amy.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "client:ben" })).Error!.Code.Should().Be(203);
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    [Trait("Requirement", "1.9")]
    public async Task Every_method_refuses_to_act_as_a_client_that_the_socket_does_not_hold()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        foreach (var method in typeof(IDataHub).GetMethods())
        {
            var request = (Request)Activator.CreateInstance(method.GetParameters()[0].ParameterType)!;
            typeof(Request).GetProperty(nameof(Request.As))!.SetValue(request, "ben");
            var answer = (Answer)(await amy.Hub.InvokeCoreAsync(method.Name, method.ReturnType.GetGenericArguments()[0], [request]).Soon())!;
            answer.Error!.Name.Should().Be("identity_not_held", method.Name);
        }
    }

    [Fact]
    [Trait("Requirement", "1.2")]
    public async Task Socket_ids_are_fresh_and_are_not_signalrs_connection_ids()
    {
        await using var node = await TestNode.StartAsync();
        var ids = new HashSet<string>();
        for (var i = 0; i < 50; i++)
        {
            await using var socket = await StockSocket.DataAsync(node, "amy", query: "?socketId=mine");
            socket.Id.Should().MatchRegex("^[0-9a-f]{32}$").And.NotBe(socket.Hub.ConnectionId);
            ids.Add(socket.Id).Should().BeTrue();
        }
    }

    [Fact]
    public async Task A_request_that_is_missing_is_answered_and_an_unknown_method_is_signalrs_own_error()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy", json: true);

        var answer = (SendResponse)(await amy.Hub.InvokeCoreAsync("Send", typeof(SendResponse), [null]).Soon())!;

        answer.Error!.Code.Should().Be(102);
        await amy.Hub.Invoking(h => h.InvokeCoreAsync("Shout", typeof(object), [null])).Should().ThrowAsync<Exception>();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Guarantee", "G24")]
    public async Task A_connection_that_goes_on_calling_what_is_not_there_is_closed(bool json)
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.ProtocolErrors = 3);
        node.Logs.Expect(_ => true);
        await using var flood = await StockSocket.DataAsync(node, "amy", json);

        for (var i = 0; i < 4; i++)
        {
            await flood.Hub.Invoking(h => h.InvokeCoreAsync("Shout", typeof(object), [i])).Should().ThrowAsync<Exception>();
        }

        await flood.Closed;
    }
}
