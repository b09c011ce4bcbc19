using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>A client sees and steers its sockets wherever they are (1.5, 1.10).</summary>
[Trait("Requirement", "1.10")]
public sealed class RedisSocketsTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    [Trait("Requirement", "1.5")]
    public async Task A_client_lists_its_sockets_of_all_nodes_and_nobody_elses()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var one = await StockSocket.DataAsync(pair.A, "amy");
        await using var two = await StockSocket.DataAsync(pair.B, "amy");
        await using var bens = await StockSocket.DataAsync(pair.B, "ben");
        await using var control = await StockSocket.DiscoveredAsync(pair.A, "amy");

        var listed = (await control.InvokeAsync<ListSocketsResponse>("ListSockets", new ListSocketsRequest())).Sockets!;

        listed.Select(s => (s.SocketId, s.Node, s.Use!.Sockets)).Should().Equal((one.Welcome.SocketId, "a", 2), (two.Welcome.SocketId, "b", 2));
        await using var root = await StockSocket.DiscoveredAsync(pair.B, "root", ("role", "admin"));
        (await root.InvokeAsync<ListSocketsResponse>("ListSockets", new ListSocketsRequest { Client = "*" })).Sockets!.Select(s => s.Client).Should().BeEquivalentTo("amy", "amy", "ben");
    }

    [Fact]
    public async Task Sockets_of_another_node_are_watched_as_they_come_and_go()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var control = await StockSocket.DiscoveredAsync(pair.A, "amy");
        var changes = control.Hear<SocketsChangedEvent>("SocketsChanged");
        (await control.InvokeAsync<ListSocketsResponse>("WatchSockets", new WatchSocketsRequest())).Sockets.Should().BeEmpty();

        string id;
        await using (var there = await StockSocket.DataAsync(pair.B, "amy"))
        await using (await StockSocket.DataAsync(pair.B, "ben"))
        {
            id = there.Welcome.SocketId!;
            (await NextAsync(changes, SocketChangeKind.Connected)).Should().BeEquivalentTo(new { SocketId = id, Node = "b", Client = "amy" });
        }

        (await NextAsync(changes, SocketChangeKind.Gone)).SocketId.Should().Be(id);
    }

    [Fact]
    [Trait("Requirement", "2.33")]
    public async Task A_client_narrows_and_closes_its_own_socket_at_another_node_and_nobody_elses()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var there = await StockSocket.DataAsync(pair.B, "amy");
        var gone = there.Hear<DisconnectedEvent>("Disconnected");
        await using var amy = await StockSocket.DiscoveredAsync(pair.A, "amy");
        await using var ben = await StockSocket.DiscoveredAsync(pair.A, "ben");
        var id = there.Welcome.SocketId;
        (await there.SendAsync("yes", "room:a")).Error.Should().BeNull();

        (await ben.InvokeAsync<LimitSocketResponse>("LimitSocket", new LimitSocketRequest { SocketId = id })).Error!.Name.Should().Be("unknown_destination");
        (await ben.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = $"socket:{id}" })).Error.Should().NotBeNull();
        (await amy.InvokeAsync<LimitSocketResponse>("LimitSocket", new LimitSocketRequest { SocketId = id, Allowances = new Allowances { Send = [] } })).Error.Should().BeNull();
        (await there.SendAsync("no", "room:a")).Error.Should().NotBeNull();
        (await amy.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = $"socket:{id}" })).Sockets.Should().Be(1);

        (await gone.ReadAsync().Soon()).Code.Should().Be(Errors.ForcedOut.Code);
    }

    [Fact]
    [Trait("Requirement", "2.26")]
    [Trait("Requirement", "2.29")]
    [Trait("Requirement", "2.30")]
    [Trait("Guarantee", "G14")]
    public async Task Discover_sends_a_data_connection_to_the_emptier_node_which_registers_its_pipes_by_way_of_the_control_connections_node_once()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var data = await StockSocket.ConnectAsync(new Uri(pair.A.Address, "data?node=b"), pair.A.Token("amy"));
        await using var elsewhere = await StockSocket.DataAsync(pair.A, "amy");
        await using var control = await StockSocket.ControlAsync(pair.A, "amy");
        await pair.A.Services.GetRequiredService<NodeBook>().DrainAsync(CancellationToken.None);
        var registered = control.Hear<PipesResponse>("PipesAreRegistered");
        var found = await control.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest());
        found.DataPlaneUri.Should().EndWith("/data?node=b");

        var open = new OpenRequest { Session = found.Session, Ticket = found.Ticket, Pipes = [new PipeRegistration { Name = "cat1", Resource = "http://localhost:1" }] };
        (await data.InvokeAsync<OpenResponse>("Open", open)).Error.Should().BeNull();

        (await registered.ReadAsync().Soon()).Pipes.Should().ContainSingle().Which.Name.Should().Be("cat1.localhost");
        (await control.InvokeAsync<ListSocketsResponse>("ListSockets", new ListSocketsRequest())).Sockets!.Single(s => s.SocketId == data.Welcome.SocketId).Node.Should().Be("b");
        await using var again = await StockSocket.DataAsync(pair.B, "amy");
        (await again.InvokeAsync<OpenResponse>("Open", open)).Error!.Name.Should().Be("ticket_refused", "it was used");
        (await elsewhere.InvokeAsync<OpenResponse>("Open", open with { Ticket = (await control.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest())).Ticket })).Error!.Name
            .Should().Be("ticket_refused", "it is for the other node");
    }

    [Fact]
    [Trait("Requirement", "1.11")]
    public async Task The_application_places_a_clients_sockets_in_a_room_and_takes_them_out_wherever_they_are()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var here = await StockSocket.DataAsync(pair.A, "amy");
        await using var there = await StockSocket.DataAsync(pair.B, "amy");
        var duplexity = pair.A.Services.GetRequiredService<IDuplexity>();

        (await duplexity.SubscribeAsync("amy", Address.Room("board"))).Should().Be(2);
        await duplexity.SendAsync(Address.Room("board"), "hello");
        (await here.NextAsync()).Text.Should().Be("hello");
        (await there.NextAsync()).Text.Should().Be("hello");
        (await duplexity.UnsubscribeAsync("amy", Address.Room("board"), "over")).Should().Be(2);
    }

    private static async Task<SocketInfo> NextAsync(System.Threading.Channels.ChannelReader<SocketsChangedEvent> changes, string kind)
    {
        while (true)
        {
            foreach (var change in (await changes.ReadAsync().Soon()).Changes!)
            {
                if (change.Kind == kind)
                {
                    return change.Socket!;
                }
            }
        }
    }
}
