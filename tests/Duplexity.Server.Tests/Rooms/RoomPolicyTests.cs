using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Rooms;

/// <summary>Who may do what in a room: by the settings for its name, and by what its owner says.</summary>
public sealed class RoomPolicyTests
{
    [Fact]
    [Trait("Requirement", "1.28")]
    [Trait("Requirement", "1.23")]
    public async Task What_the_settings_do_not_let_reads_as_not_there_and_Explain_names_the_gate()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o =>
        {
            o.Rooms["board-*"] = new() { Join = ["role:staff"], Send = ["client:amy"], SeePresence = ["nobody"], ReadHistory = ["client:amy"] };
        });
        await using var amy = await StockSocket.DataAsAsync(node, "amy", ("role", "staff"));
        await using var cleo = await StockSocket.DataAsAsync(node, "cleo", ("roles", new[] { "staff" }));
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var control = await StockSocket.DiscoveredAsync(node, "ben");
        await amy.JoinAsync("room:board-1");
        await cleo.JoinAsync("room:board-1");

        var joined = await ben.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:board-1" });
        var never = await ben.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "service:x" });
        var sent = await cleo.SendAsync("hello", "room:board-1");
        var read = await cleo.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:board-1" });
        var seen = await amy.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:board-1" });

        joined.Error.Should().BeEquivalentTo(new { Name = "unknown_destination", Gate = "room" });
        joined.Error!.Sentence.Should().Be(never.Error!.Sentence.Replace("service:x", "room:board-1"));
        sent.Error.Should().BeEquivalentTo(new { Name = "unknown_destination", Gate = "room" });
        read.Error.Should().BeEquivalentTo(new { Name = "unknown_destination", Gate = "room" });
        seen.Error.Should().BeEquivalentTo(new { Name = "unknown_destination", Gate = "room" });
        (await amy.SendAsync("hello", "room:board-1")).Error.Should().BeNull();
        (await cleo.NextAsync()).Text.Should().Be("hello");
        (await ben.SendAsync("hello", "room:lobby")).Error.Should().BeNull("the pattern is of other rooms");
        foreach (var operation in (string[])["send", "join", "receive", "presence"])
        {
            var explained = await control.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = operation, Target = "room:board-1" });
            explained.Allowed.Should().BeFalse(operation);
            explained.Gates!.Single(g => g.Error is not null).Gate.Should().Be("room", operation);
        }
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    [Trait("Requirement", "1.28")]
    public async Task Gates_of_the_application_are_asked_about_what_the_policy_lets_and_about_nothing_else()
    {
        var asked = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Options = o => o.Rooms["board"] = new() { Send = ["client:amy"] };
            s.Builder = b => b.AddGate(Step.Entry, "room:*", c =>
            {
                asked.Enqueue($"{c.Client} to {c.Target}");
                return new(GateResult.Refuse("The application says no."));
            });
        });
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");

        (await ben.SendAsync("hi", "room:board")).Error!.Gate.Should().Be("room");
        (await amy.SendAsync("hi", "room:board")).Error!.Gate.Should().Be("application");
        (await ben.SendAsync("hi", "room:other")).Error!.Gate.Should().Be("application");

        asked.Should().Equal("amy to room:board", "ben to room:other");
    }

    [Fact]
    public async Task Who_may_join_and_not_read_back_hears_from_its_join_on_also_when_it_joins_again()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Rooms["*"] = new() { ReadHistory = ["client:amy"] });
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await amy.SendAsync("before", "room:talk");
        var start = await ben.JoinAsync("room:talk", last: 10);
        await amy.SendAsync("one", "room:talk");
        await amy.SendAsync("two", "room:talk");

        (await ben.TextsAsync(2)).Should().Equal("one", "two");
        var again = await ben.JoinAsync("room:talk", since: start.Position);
        (await ben.TextsAsync(2)).Should().Equal(["one", "two"], "this socket has heard them: they are not the past");
        var past = await ben.JoinAsync("room:talk", since: Position.Start);
        await amy.SendAsync("three", "room:talk");

        again.Recovered.Should().BeTrue();
        past.Recovered.Should().BeFalse();
        (await ben.NextAsync()).Text.Should().Be("three");
        (await amy.JoinAsync("room:talk", last: 10)).Position.Should().Be(Position.Start);
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_room_takes_as_many_clients_as_its_settings_say_however_many_come_at_once()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Rooms["small"] = new() { Members = 5 });
        var sockets = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => StockSocket.DataAsync(node, $"c{i}")));

        var answers = await Task.WhenAll(sockets.Select(s => s.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:small" })));
        var there = await sockets[0].InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:small" });
        var inside = Array.FindIndex(answers, a => a.Error is null);
        await using var second = await StockSocket.DataAsync(node, $"c{inside}");

        answers.Count(a => a.Error is null).Should().Be(5);
        there.Count.Should().Be(5);
        answers.First(a => a.Error is not null).Error.Should().BeEquivalentTo(new { Name = "room_full", Limit = "members", Used = 5L });
        (await second.JoinAsync("room:small")).Channel.Should().Be("room:small", "a second socket of a member takes no place");
        foreach (var socket in sockets)
        {
            await socket.DisposeAsync();
        }
    }

    [Fact]
    [Trait("Requirement", "1.27")]
    public async Task The_owner_narrows_changes_and_removes_a_room_and_those_who_may_not_be_there_are_made_to_leave()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Rooms["*"] = new() { Join = ["client:amy", "client:ben", "client:cleo"], Members = 10 });
        await using var amy = await StockSocket.DiscoveredAsync(node, "amy");
        await using var hers = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var dora = await StockSocket.DataAsync(node, "dora");
        var left = ben.Hear<LeftEvent>("Left");
        await using var bens = await StockSocket.DiscoveredAsync(node, "ben");

        var made = await amy.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "plan", Policy = new() { Join = ["client:ben", "client:dora"], Members = 2 } });
        var taken = await bens.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "plan" });
        await hers.JoinAsync("room:plan");
        await ben.JoinAsync("room:plan");
        var wider = await dora.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:plan" });
        await ben.SendAsync("secret", "room:plan");
        (await hers.NextAsync()).Text.Should().Be("secret");
        var foreign = await bens.InvokeAsync<RoomResponse>("ChangeRoom", new ChangeRoomRequest { Name = "plan" });
        var nobodys = await bens.InvokeAsync<RoomResponse>("ChangeRoom", new ChangeRoomRequest { Name = "plan2" });
        await amy.InvokeAsync<RoomResponse>("ChangeRoom", new ChangeRoomRequest { Name = "plan", Policy = new() { Join = ["owner"], Send = ["owner"], ReadHistory = ["owner"] } });

        made.Room.Should().BeEquivalentTo(new { Name = "plan", Owner = "amy", Joined = false });
        taken.Error!.Name.Should().Be("name_taken");
        wider.Error!.Name.Should().Be("unknown_destination", "the owner narrows what the settings say, and never widens");
        foreign.Error!.Name.Should().Be("unknown_destination");
        foreign.Error.Sentence.Should().Be(nobodys.Error!.Sentence.Replace("plan2", "plan"));
        (await left.ReadAsync().Soon()).Should().BeEquivalentTo(new { Channel = "room:plan", Client = "ben" });
        (await ben.SendAsync("still here?", "room:plan")).Error!.Name.Should().Be("unknown_destination");
        (await ben.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:plan" })).Error!.Name.Should().Be("unknown_destination");

        var gone = hers.Hear<LeftEvent>("Left");
        (await amy.InvokeAsync<Done>("RemoveRoom", new RemoveRoomRequest { Name = "plan" })).Error.Should().BeNull();
        (await gone.ReadAsync().Soon()).Channel.Should().Be("room:plan");
        (await ben.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:plan" })).Messages.Should().BeEmpty("what was said went with the room");
        (await bens.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "plan" })).Room!.Owner.Should().Be("ben");
    }

    [Fact]
    public async Task A_room_is_made_under_a_name_that_nobody_uses_and_the_settings_do_not_spell_out()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Rooms["lobby"] = new());
        await using var amy = await StockSocket.DiscoveredAsync(node, "amy");
        await using var admin = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await ben.JoinAsync("room:bens");
        await ben.SendAsync("x", "room:talked");

        foreach (var name in (string[])["bens", "talked", "lobby"])
        {
            (await amy.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = name })).Error!.Name.Should().Be("name_taken", name);
        }

        (await ben.SendAsync("y", "room:talked")).Error.Should().BeNull("an attempt changes nothing");
        (await admin.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "lobby" })).Error.Should().BeNull();
        (await amy.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "a b" })).Error!.Name.Should().Be("invalid_address");
        (await amy.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "x", Policy = new() { Join = ["everyone"] } })).Error!.Sentence.Should().Contain("says nobody");
        (await amy.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "x", Policy = new() { Messages = 5 } })).Error.Should().BeNull();
        (await amy.InvokeAsync<RoomResponse>("ChangeRoom", new ChangeRoomRequest { Name = "x", Policy = new() { Messages = 6 } })).Error!.Sentence.Should().Contain("stays");
    }

    [Fact]
    public async Task Rooms_and_followers_are_as_they_were_after_a_restart()
    {
        var data = Directory.CreateTempSubdirectory("duplexity-rooms-");
        try
        {
            void Setup(TestNodeSetup s) => s.Settings["Duplexity:Data"] = data.FullName;
            await using (var before = await TestNode.StartAsync(Setup))
            {
                await using var amy = await StockSocket.DiscoveredAsync(before, "amy");
                await amy.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "plan", Policy = new() { Join = ["client:ben"], Members = 7, RetentionMs = 60_000 } });
                await amy.InvokeAsync<SetFeedResponse>("SetFeed", new SetFeedRequest { Followers = ["client:ben"] });
            }

            await using var node = await TestNode.StartAsync(Setup);
            await using var again = await StockSocket.DiscoveredAsync(node, "amy");
            await using var ben = await StockSocket.DataAsync(node, "ben");
            await using var cleo = await StockSocket.DataAsync(node, "cleo");
            var listed = await again.InvokeAsync<ListRoomsResponse>("ListRooms", new ListRoomsRequest());

            listed.Rooms!.Single().Should().BeEquivalentTo(new { Name = "plan", Owner = "amy", Policy = new RoomPolicy { Join = ["client:ben"], Members = 7, RetentionMs = 60_000 } }, o => o.ComparingByMembers<RoomPolicy>());
            await ben.JoinAsync("room:plan");
            await ben.JoinAsync("feed:amy");
            (await cleo.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:plan" })).Error!.Name.Should().Be("unknown_destination");
            (await cleo.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "feed:amy" })).Error!.Name.Should().Be("unknown_destination");
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_room_keeps_what_its_settings_say()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o =>
        {
            o.Rooms["price-*"] = new() { LastValueOnly = true };
            o.Rooms["short-*"] = new() { Messages = 2 };
        });
        await using var amy = await StockSocket.DataAsync(node, "amy");
        foreach (var text in (string[])["1", "2", "3"])
        {
            await amy.SendAsync(text, "room:price-x", "room:short-x", "room:all");
        }

        foreach (var (room, count) in (ValueTuple<string, int>[])[("price-x", 1), ("short-x", 2), ("all", 3)])
        {
            (await amy.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = $"room:{room}" })).Messages.Should().HaveCount(count, room);
        }
    }

    [Fact]
    public async Task Rooms_are_listed_to_owners_to_those_who_are_in_and_all_of_them_to_administrators_page_by_page()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.NewChannelsPerHour = 1000);
        await using var amy = await StockSocket.DiscoveredAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var bens = await StockSocket.DiscoveredAsync(node, "ben");
        await using var admin = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));
        for (var i = 0; i < 120; i++)
        {
            await amy.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = $"r{i:000}" });
        }

        await ben.JoinAsync("room:r007");
        await ben.JoinAsync("room:used");
        var first = await amy.InvokeAsync<ListRoomsResponse>("ListRooms", new ListRoomsRequest());
        var rest = await amy.InvokeAsync<ListRoomsResponse>("ListRooms", new ListRoomsRequest { After = first.Next });
        var of = await bens.InvokeAsync<ListRoomsResponse>("ListRooms", new ListRoomsRequest());
        var all = await admin.InvokeAsync<ListRoomsResponse>("ListRooms", new ListRoomsRequest { Client = "*", After = "r119" });

        first.Rooms.Should().HaveCount(100);
        rest.Rooms.Should().HaveCount(20);
        rest.Next.Should().BeNull();
        of.Rooms.Should().BeEquivalentTo(new[] { new { Name = "r007", Owner = "amy", Joined = true, Count = (int?)1 }, new { Name = "used", Owner = (string)null!, Joined = true, Count = (int?)1 } });
        of.Rooms![0].Policy.Should().BeNull("what the owner said is the owner's");
        all.Rooms!.Select(r => r.Name).Should().Equal("used");
        (await bens.InvokeAsync<ListRoomsResponse>("ListRooms", new ListRoomsRequest { Client = "amy" })).Error!.Name.Should().Be("denied");
    }
}
