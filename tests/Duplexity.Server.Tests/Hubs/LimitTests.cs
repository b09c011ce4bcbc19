using System.Diagnostics;
using Duplexity.Protocol;
using Duplexity.Server.Hubs;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>How much a client may do, and that nobody else feels it (1.10).</summary>
public sealed class LimitTests
{
    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task Each_limit_is_refused_by_its_name_with_its_use_and_others_are_unaffected()
    {
        await using var node = await TestNode.StartAsync();
        await using var limited = await StockSocket.DataAsAsync(node, "amy", ("duplexity", new { limits = new { messages = 3, bytes = 100, windowMs = 3_600_000, messageBytes = 60, rooms = 2, sockets = 2, usersPerRoom = 1 } }));
        await using var free = await StockSocket.DataAsync(node, "ben");
        await limited.JoinAsync("room:a");
        await limited.JoinAsync("room:b");
        await free.JoinAsync("room:full");

        var tooLarge = await limited.SendAsync(new string('x', 61), "room:a");
        var first = await limited.SendAsync(new string('x', 60), "room:a");
        var tooManyBytes = await limited.SendAsync(new string('x', 41), "room:a");
        await limited.SendAsync("y", "room:a");
        await limited.SendAsync("y", "room:a");
        var tooMany = await limited.SendAsync("y", "room:a");
        var tooManyRooms = await limited.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:c" });
        var again = await limited.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:b" });
        await limited.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = "room:b" });
        var full = await limited.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:full" });

        tooLarge.Error.Should().BeEquivalentTo(new { Name = "message_too_large", Limit = "message_bytes", Used = 61L, Gate = "limit" });
        first.Error.Should().BeNull();
        tooManyBytes.Error.Should().BeEquivalentTo(new { Name = "rate_limited", Limit = "bytes_per_window", Used = 60L, Gate = "limit" });
        tooManyBytes.Error!.RetryAfterMs.Should().BePositive();
        tooMany.Error.Should().BeEquivalentTo(new { Name = "rate_limited", Limit = "messages_per_window", Used = 3L, Kind = "limit" });
        tooManyRooms.Error.Should().BeEquivalentTo(new { Limit = "rooms_per_socket", Used = 2L });
        again.Error.Should().BeNull("it is one of the two");
        full.Error.Should().BeEquivalentTo(new { Name = "room_full", Limit = "users_per_room", Used = 1L });
        (await free.SendAsync(new string('x', 1000), "room:a")).Error.Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_rate_frees_when_it_said_and_does_not_give_an_idle_client_two_windows()
    {
        await using var node = await TestNode.StartAsync();
        await using var limited = await StockSocket.DataAsAsync(node, "amy", ("duplexity", new { limits = new { messages = 5, windowMs = 1500 } }));
        await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(1600));
        var (sent, since) = (0, Stopwatch.StartNew());
        SendResponse refused;
        while ((refused = await limited.SendAsync("x", "room:a")).Error is null && sent < 1_000)
        {
            sent++;
        }

        sent.Should().BeInRange(5, 5 + (int)(since.ElapsedMilliseconds / 300));
        refused.Error!.RetryAfterMs.Should().BeInRange(1, 300);
        await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(refused.Error.RetryAfterMs!.Value + 5));
        (await limited.SendAsync("x", "room:a")).Error.Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "3.12")]
    [Trait("Guarantee", "G10")]
    public async Task Limits_of_two_clients_on_a_socket_are_counted_apart_and_leaving_gives_nothing_back()
    {
        await using var node = await TestNode.StartAsync();
        var limits = new { limits = new { messages = 2, windowMs = 3_600_000 } };
        await using var socket = await StockSocket.DataAsAsync(node, "ben", ("duplexity", limits));
        var amys = node.Token("amy", null, ("duplexity", limits));
        await socket.AuthenticateAsync(amys);

        foreach (var client in (string[])["ben", "amy", "ben", "amy"])
        {
            (await socket.SendAsAsync(client, "x", "room:a")).Error.Should().BeNull();
        }

        (await socket.SendAsAsync("ben", "x", "room:a")).Error!.Limit.Should().Be("messages_per_window");
        (await socket.SendAsAsync("amy", "x", "room:a")).Error!.Limit.Should().Be("messages_per_window");
        await socket.InvokeAsync<Done>("Drop", new DropRequest { Client = "amy" });
        await socket.AuthenticateAsync(amys);
        (await socket.SendAsAsync("amy", "x", "room:a")).Error!.Limit.Should().Be("messages_per_window");
        await socket.InvokeAsync<IdentityResponse>("Refresh", new RefreshRequest { Token = node.Token("amy", null, ("duplexity", new { limits = new { messages = 3, windowMs = 3_600_000 } })) });
        (await socket.SendAsAsync("amy", "x", "room:a")).Error.Should().BeNull("the new limit has one more");
        (await socket.SendAsAsync("amy", "x", "room:a")).Error!.Limit.Should().Be("messages_per_window");
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task Users_of_a_room_are_never_more_than_the_allowance_takes_however_many_come_at_once()
    {
        await using var node = await TestNode.StartAsync();
        var sockets = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => StockSocket.DataAsAsync(node, $"c{i}", ("duplexity", new { limits = new { usersPerRoom = 5 } }))));

        var answers = await Task.WhenAll(sockets.Select(s => s.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:small" })));
        var there = await sockets[0].InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:small" });

        answers.Count(a => a.Error is null).Should().Be(there.Count).And.BeLessThanOrEqualTo(5);
        foreach (var socket in sockets)
        {
            await socket.DisposeAsync();
        }
    }

    [Theory]
    [Trait("Requirement", "1.10")]
    [InlineData("lockspace:full", true)]
    [InlineData("room:full", false)]
    public async Task Explain_says_of_a_join_what_Join_does_a_rooms_limits_are_those_of_rooms(string channel, bool allowed)
    {
        await using var node = await TestNode.StartAsync();
        (string, object) limits = ("duplexity", new { limits = new { usersPerRoom = 1 } });
        await using var there = await StockSocket.DataAsync(node, "ben");
        await there.JoinAsync(channel);
        await using var control = await StockSocket.DiscoveredAsync(node, "amy", limits);
        await using var amy = await StockSocket.DataAsAsync(node, "amy", limits);

        var explained = await control.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = "join", Target = channel, SocketId = amy.Id });
        var joined = await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = channel });

        (explained.Allowed, joined.Error is null).Should().Be((allowed, allowed));
        explained.Gates!.FirstOrDefault(g => g.Error is not null)?.Error!.Limit.Should().Be(joined.Error!.Limit);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_client_is_on_a_bounded_number_of_control_connections_others_are_unaffected_and_nothing_is_kept_of_them()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.ControlConnectionsPerClient = 1);
        var bens = await StockSocket.DiscoveredAsync(node, "ben");
        var added = await bens.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = node.Token("amy") });
        var cleos = await StockSocket.DiscoveredAsync(node, "cleo");

        var full = await cleos.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = node.Token("amy") });
        await using (var amys = await RawHub.ConnectAsync(node, "control", node.Token("amy")))
        {
            var over = await amys.EventAsync("Disconnected");
            (over.GetProperty("code").GetInt32(), over.GetProperty("reason").GetString()).Should().Be((504, "This client has 1 control connections already; close one first."));
        }

        await bens.InvokeAsync<Done>("Drop", new DropRequest { Client = "amy" });
        var room = await cleos.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = node.Token("amy") });

        (added.Error, room.Error).Should().Be((null, null));
        full.Error.Should().BeEquivalentTo(new { Name = "too_many_sockets", Limit = "control_connections_per_client", Used = 1L });
        await bens.DisposeAsync();
        await cleos.DisposeAsync();
        var places = node.Services.GetRequiredService<ControlPlaces>();
        await node.DisposeAsync();
        places.IsEmpty.Should().BeTrue();
    }
}
