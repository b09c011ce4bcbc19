using System.Collections.Concurrent;
using Duplexity.Server;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Messaging;

/// <summary>Sockets and clients are two things: a socket's id lives as long as its connection, a client's as long as the person.</summary>
public sealed class IdentityTests
{
    [Fact]
    [Trait("Requirement", "1.1")]
    public async Task The_same_text_as_socket_client_feed_and_room_is_four_places()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var egg = await node.ConnectAsync("egg", o => o with { Inbox = new JoinOptions { Last = 10 } });
        await using var amy = await node.ConnectAsync("amy");
        await using var room = await amy.JoinAsync("egg");
        await using var named = await amy.JoinAsync(egg.SocketId);
        await egg.Followers.SetAsync(["client:amy"]);
        await using var feed = await amy.FollowAsync("egg");
        using var atInbox = new Heard(egg.Inbox);
        using var atRoom = new Heard(room);
        using var atNamed = new Heard(named);
        using var atFeed = new Heard(feed);

        await ben.SendAsync(Address.Client("egg"), "client");
        await ben.SendAsync(Address.Room("egg"), "room");
        await ben.SendAsync(Address.Room(egg.SocketId), "room like a socket");
        await egg.EmitAsync("feed");
        await node.Services.GetRequiredService<IDuplexity>().SendAsync(Address.Socket(egg.SocketId), "socket");

        (await atInbox.TextsAsync(2)).Should().BeEquivalentTo("client", "socket");
        (await atRoom.NextAsync()).Text.Should().Be("room");
        (await atNamed.NextAsync()).Text.Should().Be("room like a socket");
        (await atFeed.NextAsync()).Text.Should().Be("feed");
    }

    [Fact]
    [Trait("Requirement", "1.2")]
    public async Task Ten_thousand_connections_have_ten_thousand_socket_ids_whatever_they_say_about_their_own()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.SocketsPerClient = 10_000);
        var ids = new ConcurrentDictionary<string, int>();
        var (token, last) = (node.Token("amy"), "mine");

        // Eight programs, each of which connects, goes and comes back, in a session of its own and with the id that it had before: nobody asked for it.
        await Parallel.ForEachAsync(Enumerable.Range(0, 10_000), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
        {
            await using var raw = await RawHub.ConnectAsync(node, $"data?socketId={last}&session=s{i % 8}", token);
            var welcome = await raw.EventAsync("Welcome");
            var id = welcome.GetProperty("socketId").GetString()!;
            id.Should().MatchRegex("^[0-9a-f]{32}$", "those are 128 random bits");
            ids.TryAdd(id, i).Should().BeTrue();
            welcome.GetProperty("clients")[0].GetString().Should().Be("amy");
            last = id;
        }).Soon(TimeSpan.FromMinutes(5));

        ids.Should().HaveCount(10_000);
    }

    [Fact]
    [Trait("Requirement", "1.3")]
    [Trait("Requirement", "3.6")]
    public async Task A_client_keeps_its_id_over_reconnects_and_a_restart_and_gets_new_sockets()
    {
        var port = FreePorts.One();
        var issuer = new TestIssuer();
        await using var node = await StartAsync();
        await using var amy = await node.ConnectAsync("amy", o => o with { MaxReconnectDelay = TimeSpan.FromMilliseconds(200) });
        var first = amy.SocketId;
        var back = Wait.For<ConnectionStateChange>("the SDK to be ready again", found => amy.StateChanged += change =>
        {
            if (change is { Current: ConnectionState.Ready, Previous: ConnectionState.Reconnecting })
            {
                found(change);
            }
        });

        await node.DisposeAsync();
        await using var again = await StartAsync();
        await back;

        amy.Client.Should().Be("amy");
        amy.SocketId.Should().NotBe(first).And.NotBeNullOrEmpty();

        Task<TestNode> StartAsync() => TestNode.StartAsync(setup =>
        {
            setup.Url = $"http://127.0.0.1:{port}";
            setup.Issuer = issuer;
        });
    }

    [Fact]
    [Trait("Requirement", "2.25")]
    [Trait("Requirement", "2.4")]
    public async Task A_token_speaks_for_its_own_client_only()
    {
        await using var node = await TestNode.StartAsync();
        await using var control = await RawHub.ConnectAsync(node, "control?session=s1", node.Token("ben"));
        await using var data = await RawHub.ConnectAsync(node, "data", node.Token("ben"));

        var discovered = await control.AskAsync("Discover", new { clientId = "amy", session = "s1" });
        var sent = await data.AskAsync("Send", new { @as = "amy", to = new[] { "room:r" }, text = "as somebody else" });

        discovered.GetProperty("error").GetProperty("kind").GetString().Should().Be("denied");
        sent.GetProperty("error").GetProperty("kind").GetString().Should().Be("denied");
    }
}
