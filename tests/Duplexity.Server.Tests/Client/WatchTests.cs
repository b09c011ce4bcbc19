using Duplexity.Protocol;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using Duplexity.Watching;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>The SDK's streams of what becomes of sockets, pipes and allowances.</summary>
public sealed class WatchTests
{
    [Fact]
    [Trait("Requirement", "1.10")]
    [Trait("Requirement", "1.5")]
    public async Task Sockets_are_told_as_they_are_and_then_as_they_come_send_and_go()
    {
        await using var node = await TestNode.StartAsync();
        await using var phone = await node.ConnectAsync("amy");
        await using var ben = await node.ConnectAsync("ben");
        await using var watch = new Watched<SocketChange>(phone.Sockets.WatchAsync());

        var present = await watch.NextAsync();
        await ben.SendAsync(Address.Room("lobby"), "nobody of amy's");
        var laptop = await node.ConnectAsync("amy");
        var connected = await watch.NextAsync();
        await laptop.SendAsync(Address.Room("lobby"), "x");
        await laptop.SendAsync(Address.Room("lobby"), "y");
        var used = await watch.NextAsync(c => c.Socket.Use.Sent == 2);
        await laptop.DisposeAsync();
        var gone = await watch.NextAsync();

        present.Should().BeEquivalentTo(new { Kind = "present", Socket = new { phone.SocketId, Client = "amy" } });
        (connected.Kind, used.Kind, gone.Kind).Should().Be(("connected", "used", "gone"));
        connected.Socket.SocketId.Should().Be(used.Socket.SocketId).And.Be(gone.Socket.SocketId).And.NotBe(phone.SocketId);
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_watch_outlives_the_loss_of_its_connection_and_tells_what_went_meanwhile()
    {
        await using var node = await TestNode.StartAsync();
        await using var line = new FaultyLine(node.Port);
        await using var phone = new DuplexityConnection(line.Address, new DuplexityConnectionOptions { Token = _ => ValueTask.FromResult<string?>(node.Token("amy")) });
        await phone.ConnectAsync().Soon();
        await using var laptop = await node.ConnectAsync("amy");
        await using var watch = new Watched<SocketChange>(phone.Sockets.WatchAsync());
        string[] before = [(await watch.NextAsync()).Socket.SocketId, (await watch.NextAsync()).Socket.SocketId];
        var first = phone.SocketId;

        line.Cut(stayDown: true);
        await using var tablet = await node.ConnectAsync("amy");
        await laptop.DisposeAsync();
        foreach (var gone in before)
        {
            await node.GoneAsync(gone);
        }

        line.Mend();
        List<SocketChange> after = [];
        for (; after.Count(c => c.Kind == "present") < 2; after.Add(await watch.NextAsync()))
        {
        }

        before.Should().BeEquivalentTo(first, laptop.SocketId);
        after.Where(c => c.Kind == "gone").Select(c => c.Socket.SocketId).Should().BeEquivalentTo(first, laptop.SocketId);
        after.Where(c => c.Kind == "present").Select(c => c.Socket.SocketId).Should().BeEquivalentTo(tablet.SocketId, phone.SocketId);
        await tablet.SendAsync(Address.Room("lobby"), "live again");
        (await watch.NextAsync(c => c.Kind == "used")).Socket.SocketId.Should().Be(tablet.SocketId);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Who_is_too_slow_for_the_changes_loses_steps_and_is_given_the_present_state_anew()
    {
        var feed = new Feed<int>("amy");
        feed.Add(Enumerable.Range(0, Feed<int>.Capacity + 1));
        var read = new List<int>();
        while (await feed.WaitAsync(new TaskCompletionSource().Task, CancellationToken.None).AsTask().Soon())
        {
            while (feed.TryRead(out var change))
            {
                read.Add(change);
            }
        }

        read.Should().Equal(Enumerable.Range(0, Feed<int>.Capacity));
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_watch_ends_with_its_cancellation_and_the_server_is_told()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        for (var i = 0; i < 40; i++)
        {
            // More than a client may have at once: each is stopped when its reader leaves.
            using var stop = new CancellationTokenSource();
            await using var watch = new Watched<SocketChange>(amy.Sockets.WatchAsync(ct: stop.Token));
            (await watch.NextAsync()).Kind.Should().Be("present");
            await stop.CancelAsync();
            await watch.Invoking(w => w.MoveNextAsync()).Should().ThrowAsync<OperationCanceledException>();
        }
    }

    [Fact]
    public async Task A_watch_ends_in_order_when_the_connection_is_disposed_and_with_the_reason_when_it_is_closed()
    {
        await using var node = await TestNode.StartAsync();
        await using var mine = await node.ConnectAsync("amy");
        await using var kicked = await node.ConnectAsync("ben");
        await using var first = new Watched<SocketChange>(mine.Sockets.WatchAsync());
        await using var second = new Watched<PipeChange>(kicked.Pipes.WatchAsync());
        await first.NextAsync();
        var more = second.MoveNextAsync();
        await kicked.Pipes.ListAsync().Soon();

        await mine.DisposeAsync();
        await node.Services.GetRequiredService<IDuplexity>().DisconnectAsync(Address.Client("ben"), "enough");

        while (await first.MoveNextAsync())
        {
            // What was read already; the end comes without an exception.
        }

        (await FluentActions.Awaiting(() => more).Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(521);
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_watch_of_others_is_for_those_who_may_administer_them()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var root = node.Connection("root", o => o with { Token = _ => ValueTask.FromResult<string?>(node.Token("root", null, ("role", "admin"))) });
        await root.ConnectAsync().Soon();
        await using var refused = new Watched<SocketChange>(amy.Sockets.WatchAsync(new AskOptions { Client = "*" }));
        await using var all = new Watched<SocketChange>(root.Sockets.WatchAsync(new AskOptions { Client = "*" }));

        (await refused.Invoking(w => w.NextAsync()).Should().ThrowAsync<DuplexityException>()).Which.Kind.Should().Be(ErrorKind.Denied);
        string[] seen = [(await all.NextAsync()).Socket.Client, (await all.NextAsync()).Socket.Client];
        seen.Should().BeEquivalentTo("amy", "root");
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    [Trait("Requirement", "1.4")]
    public async Task What_each_held_client_may_do_and_uses_is_told_live()
    {
        await using var node = await TestNode.StartAsync();
        await using var connection = await node.ConnectAsync("ben");
        await using var elsewhere = await node.ConnectAsync("ben");
        await using var watch = new Watched<AllowanceState>(connection.Allowances.WatchAsync());

        var ben = await watch.NextAsync();
        await elsewhere.SendAsync(Address.Room("lobby"), "counted there");
        await connection.SendAsync(Address.Room("lobby"), "as ben");
        var sent = await watch.NextAsync(s => s.Use.Sent > 0);
        await connection.Identities.AddAsync(node.Token("amy"));
        var amy = await watch.NextAsync(s => s.Client == "amy");
        await connection.SendAsync(Address.Room("lobby"), "one", new SendOptions { As = "amy" });
        await connection.SendAsync(Address.Room("lobby"), "two", new SendOptions { As = "amy" });
        var amySent = await watch.NextAsync(s => s is { Client: "amy", Use.Sent: 2 });
        await connection.Sockets.LimitAsync(connection.SocketId, new Allowances { Send = ["room:lobby"] }, new AskOptions { As = "amy" });
        var narrowed = await watch.NextAsync(s => s.Client == "amy" && s.Allowances.Send is ["room:lobby"]);

        ben.Should().BeEquivalentTo(new { Client = "ben", Use = new { Sent = 0L, Sockets = 2 } });
        ben.Allowances.Send.Should().Equal("*");
        sent.Should().BeEquivalentTo(new { Client = "ben", Use = new { Sent = 1L } });
        amy.Use.Sent.Should().Be(0);
        amySent.Use.Sockets.Should().Be(1);
        narrowed.Use.Sent.Should().Be(2);
        await connection.Identities.DropAsync("amy");
        await connection.SendAsync(Address.Room("lobby"), "still ben");
        (await watch.NextAsync(s => s.Use.Sent == 2 && s.Client == "ben")).Client.Should().Be("ben");
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task The_state_of_the_new_socket_is_told_after_a_reconnect()
    {
        await using var node = await TestNode.StartAsync();
        await using var connection = await node.ConnectAsync("ben");
        await using var watch = new Watched<AllowanceState>(connection.Allowances.WatchAsync());
        await connection.SendAsync(Address.Room("lobby"), "x");
        await watch.NextAsync(s => s.Use.Sent == 1);

        node.Services.GetRequiredService<SocketIndex>().Find(connection.SocketId)!.Transport.Cut();

        (await watch.NextAsync(s => s.Use.Sent == 0)).Client.Should().Be("ben");
    }
}
