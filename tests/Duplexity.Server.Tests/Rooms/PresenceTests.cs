using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Rooms;

/// <summary>Who comes and who goes, as those are told who asked (G23).</summary>
[Trait("Guarantee", "G23")]
public sealed class PresenceTests
{
    [Fact]
    [Trait("Requirement", "1.11")]
    public async Task Who_asked_is_told_joins_and_leaves_by_version_and_nobody_else_is()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        var told = amy.Hear<PresenceChangedEvent>("PresenceChanged");
        var untold = ben.Hear<PresenceChangedEvent>("PresenceChanged");
        var joined = await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:a", Presence = true });
        var before = await amy.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:a" });

        await ben.JoinAsync("room:a");
        var came = await told.ReadAsync().Soon();
        await ben.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = "room:a" });
        var went = await told.ReadAsync().Soon();
        var counted = await amy.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:a", CountOnly = true });

        joined.Presence.Should().BeTrue();
        came.Should().BeEquivalentTo(new { Channel = "room:a", After = before.Version, Through = before.Version + 1, Count = 2, Joined = new[] { new Member { Client = "ben", Sockets = [ben.Id] } } });
        went.Should().BeEquivalentTo(new { After = came.Through, Through = came.Through + 1, Count = 1, Left = new[] { new Departure { Client = "ben", Socket = ben.Id } } });
        counted.Should().BeEquivalentTo(new { Count = 1, Version = went.Through, Members = (Member[])null! });
        untold.Count.Should().Be(0);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    [Trait("Requirement", "1.11")]
    public async Task A_receipt_says_how_many_listen_only_to_those_who_may_see_who_is_there()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o =>
        {
            o.Rooms["hidden"] = new() { Presence = false };
            o.Rooms["half"] = new() { SeePresence = ["client:amy"] };
        });
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var outsider = await StockSocket.DataAsAsync(node, "cid", ("duplexity", new { send = new[] { "*" }, join = new[] { "room:other" } }));
        foreach (var room in (string[])["room:hidden", "room:half", "room:open"])
        {
            await ben.JoinAsync(room);
        }

        var seen = await amy.SendAsync("x", "room:hidden", "room:half", "room:open", "client:ben");
        var half = await ben.SendAsync("x", "room:half");
        var other = await outsider.SendAsync("x", "room:open");

        seen.Destinations!.Select(d => d.Listeners).Should().Equal(null, 1, 1, 0);
        half.Destinations!.Single().Listeners.Should().BeNull();
        other.Destinations!.Single().Should().BeEquivalentTo(new { Error = (DuplexityError?)null, Listeners = (int?)null });
    }

    [Fact]
    [Trait("Requirement", "3.1")]
    public async Task A_lost_client_leaves_after_a_while_and_the_leave_says_so_and_a_reconnect_is_no_leave()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Times.Vacated = TimeSpan.FromMinutes(10));
        await using var amy = await StockSocket.DataAsync(node, "amy");
        var told = amy.Hear<PresenceChangedEvent>("PresenceChanged");
        await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:a", Presence = true });
        await using var first = await RawHub.ConnectAsync(node, "data", node.Token("ben"));
        await first.AskAsync("Join", new { channel = "room:a" });
        (await NextAsync(told, e => e.Joined is not null && e.Joined.Any(m => m.Client == "ben"))).Count.Should().Be(2);

        first.Wire.Reset();
        await using var second = await StockSocket.DataAsync(node, "ben");
        await second.JoinAsync("room:a");
        var back = await NextAsync(told, e => e.Left is not null);
        var counts = new List<int> { back.Count };

        counts.Should().AllSatisfy(c => c.Should().Be(2, "a reconnect does not flap"));
        back.Left!.Single().Client.Should().Be("ben");
        back.Left![0].Socket.Should().NotBe(second.Id);

        node.Services.GetRequiredService<DuplexityOptions>().Times.Vacated = TimeSpan.FromMilliseconds(100);
        await using var third = await RawHub.ConnectAsync(node, "data", node.Token("cleo"));
        await third.AskAsync("Join", new { channel = "room:a" });
        await NextAsync(told, e => e.Joined is not null);
        third.Wire.Reset();
        var gone = await NextAsync(told, e => e.Left is not null);

        gone.Left!.Single().Should().BeEquivalentTo(new { Client = "cleo", Reason = DepartureReason.Lost });
        gone.Count.Should().Be(2);
    }

    [Fact]
    public async Task Who_was_thrown_out_leaves_at_once_and_the_leave_says_removed()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Times.Vacated = TimeSpan.FromMinutes(10));
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        var told = amy.Hear<PresenceChangedEvent>("PresenceChanged");
        await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:a", Presence = true });
        await ben.JoinAsync("room:a");
        await NextAsync(told, e => e.Joined is not null);

        await node.Services.GetRequiredService<IDuplexity>().DisconnectAsync(Address.Client("ben"), "enough");

        (await NextAsync(told, e => e.Left is not null)).Left!.Single().Should().BeEquivalentTo(new { Client = "ben", Reason = DepartureReason.Removed });
    }

    [Fact]
    public async Task A_crowd_is_told_as_a_number_and_a_room_that_tells_nothing_says_so()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o =>
        {
            o.Limits.PresenceChanges = 0;
            o.Times.Presence = TimeSpan.FromSeconds(1);
            o.Rooms["quiet"] = new() { Announcements = false };
            o.Rooms["dark"] = new() { Presence = false };
        });
        await using var amy = await StockSocket.DataAsync(node, "amy");
        var told = amy.Hear<PresenceChangedEvent>("PresenceChanged");
        await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:a", Presence = true });
        var crowd = await Task.WhenAll(Enumerable.Range(0, 5).Select(i => StockSocket.DataAsync(node, $"c{i}")));
        await Task.WhenAll(crowd.Select(c => c.JoinAsync("room:a")));

        PresenceChangedEvent last;
        do
        {
            last = await told.ReadAsync().Soon();
        }
        while (last.Count < 6);

        last.Should().BeEquivalentTo(new { After = (long?)null, Count = 6, Joined = (Member[])null! });
        var quiet = await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:quiet", Presence = true });
        var dark = await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:dark", Presence = true });
        quiet.Presence.Should().BeFalse();
        dark.Presence.Should().BeFalse();
        (await amy.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:quiet" })).Count.Should().Be(1);
        (await amy.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:dark" })).Error!.Name.Should().Be("unknown_destination");
        foreach (var socket in crowd)
        {
            await socket.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_set_that_is_not_what_the_sockets_say_is_mended()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await amy.JoinAsync("room:a");
        var presence = node.Services.GetRequiredService<IEngine>().Presence;
        await presence.RemoveAsync(Address.Room("a"), "amy", amy.Id);
        await presence.AddAsync(Address.Room("a"), "ghost", "no-socket");

        await node.Services.GetRequiredService<RoomPresence>().CheckAsync();

        (await presence.ReadAsync(Address.Room("a"))).Members.Should().Equal(("amy", amy.Id));
    }

    [Fact]
    public async Task The_SDK_watches_a_room_through_a_reconnect_and_misses_nothing()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Times.Vacated = TimeSpan.FromMilliseconds(500));
        await using var line = new Client.FaultyLine(node.Port);
        await using var amy = new DuplexityConnection(line.Address, new DuplexityConnectionOptions { Token = _ => ValueTask.FromResult<string?>(node.Token("amy")) });
        await amy.ConnectAsync().Soon();
        await using var room = await amy.JoinAsync("a");
        await using var watching = room.WatchPresenceAsync().GetAsyncEnumerator();
        (await watching.MoveNextAsync().Soon()).Should().BeTrue();
        watching.Current.Should().BeEquivalentTo(new { IsAsked = true, Arrived = (string[])["amy"] });
        await using var ben = await node.ConnectAsync("ben");
        var bens = await ben.JoinAsync("a");
        await UntilAsync(watching, c => c.Arrived.Contains("ben"));

        line.Cut(stayDown: true);
        await bens.DisposeAsync();
        await using var cleo = await node.ConnectAsync("cleo");
        await using var cleos = await cleo.JoinAsync("a");
        line.Mend();
        var seen = await UntilAsync(watching, c => c.Now.Members.Select(m => m.Client).SequenceEqual((string[])["amy", "cleo"]));

        seen.SelectMany(c => c.Gone).Should().Contain("ben");
        seen.SelectMany(c => c.Arrived).Should().Contain("cleo");
        (await room.CountAsync()).Should().Be(2);
    }

    [Fact]
    public async Task The_SDK_is_told_where_a_room_does_not_tell_and_where_it_is_made_to_leave()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Rooms["quiet"] = new() { Announcements = false });
        await using var amy = await node.ConnectAsync("amy");
        await using var ben = await node.ConnectAsync("ben");
        await using var quiet = await amy.JoinAsync("quiet");
        await amy.Rooms.CreateAsync("plan");
        await using var plan = await ben.JoinAsync("plan");
        await using var reading = plan.ReadAllAsync().GetAsyncEnumerator();
        var next = reading.MoveNextAsync();

        await amy.Rooms.RemoveAsync("plan");
        await using var watching = quiet.WatchPresenceAsync().GetAsyncEnumerator();

        (await FluentActions.Awaiting(() => watching.MoveNextAsync().Soon()).Should().ThrowAsync<DuplexityException>()).Which.Message.Should().Contain("does not tell");
        (await FluentActions.Awaiting(() => next.Soon()).Should().ThrowAsync<DuplexityException>()).Which.Message.Should().Be("The room was removed by its owner.");
    }

    private static async Task<PresenceChangedEvent> NextAsync(System.Threading.Channels.ChannelReader<PresenceChangedEvent> told, Func<PresenceChangedEvent, bool> isIt)
    {
        while (true)
        {
            if (await told.ReadAsync().Soon() is var next && isIt(next))
            {
                return next;
            }
        }
    }

    private static async Task<List<PresenceChange>> UntilAsync(IAsyncEnumerator<PresenceChange> watching, Func<PresenceChange, bool> isIt)
    {
        var seen = new List<PresenceChange>();
        do
        {
            (await watching.MoveNextAsync().Soon()).Should().BeTrue();
            seen.Add(watching.Current);
        }
        while (!isIt(watching.Current));

        return seen;
    }
}
