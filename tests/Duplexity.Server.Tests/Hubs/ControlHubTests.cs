using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

public sealed class ControlHubTests
{
    private static readonly DiscoveryRequest Discovery = new() { Session = "s1" };

    [Fact]
    [Trait("Requirement", "2.26")]
    public async Task A_silent_control_connection_is_closed()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Times.Handshake = TimeSpan.FromSeconds(3));
        await using var silent = await StockSocket.ControlAsync(node, "amy");

        (await silent.Disconnected).Code.Should().Be(503);
        await silent.Closed;
    }

    [Fact]
    [Trait("Requirement", "2.26")]
    public async Task Anything_before_discover_ends_the_connection()
    {
        await using var node = await TestNode.StartAsync();
        await using var hasty = await StockSocket.ControlAsync(node, "amy");

        var answer = await hasty.InvokeAsync<ListSocketsResponse>("ListSockets", new ListSocketsRequest());

        answer.Error!.Name.Should().Be("control_not_established");
        (await hasty.Disconnected).Retry.Should().Be("never");
    }

    [Fact]
    [Trait("Requirement", "2.25")]
    [Trait("Requirement", "2.27")]
    public async Task Discover_answers_for_the_tokens_own_client_and_no_other()
    {
        await using var node = await TestNode.StartAsync();
        await using var control = await StockSocket.ControlAsync(node, "amy");

        var wrong = await control.InvokeAsync<DiscoveryResponse>("Discover", Discovery with { ClientId = "ben" });
        var right = await control.InvokeAsync<DiscoveryResponse>("Discover", Discovery with { ClientId = "amy" });

        wrong.Error!.Code.Should().Be(200);
        right.ClientId.Should().Be("amy");
        right.Session.Should().Be("s1");
        new Uri(right.DataPlaneUri!).GetLeftPart(UriPartial.Path).Should().Be(new Uri(node.Address, "data").AbsoluteUri);
        right.DataPlaneUri.Should().NotContain(right.Ticket);
        right.Origins.Should().Equal(node.Address.GetLeftPart(UriPartial.Authority));
    }

    [Fact]
    [Trait("Requirement", "2.26")]
    public async Task Discover_again_keeps_the_generation_and_a_second_connection_of_the_session_takes_over()
    {
        await using var node = await TestNode.StartAsync();
        await using var first = await StockSocket.ControlAsync(node, "amy");
        var one = await first.InvokeAsync<DiscoveryResponse>("Discover", Discovery);
        var again = await first.InvokeAsync<DiscoveryResponse>("Discover", Discovery);
        await using var other = await StockSocket.ControlAsync(node, "amy");
        await other.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s2" });
        await using var second = await StockSocket.ControlAsync(node, "amy");

        var two = await second.InvokeAsync<DiscoveryResponse>("Discover", Discovery);

        again.Generation.Should().Be(one.Generation);
        two.Generation.Should().BeGreaterThan(one.Generation!.Value);
        (await first.Disconnected).Code.Should().Be(525);
        other.Hub.State.Should().Be(Microsoft.AspNetCore.SignalR.Client.HubConnectionState.Connected);
    }

    [Fact]
    public async Task A_protocol_that_the_server_does_not_speak_is_refused_with_the_side_to_update()
    {
        await using var node = await TestNode.StartAsync();
        await using var control = await StockSocket.ControlAsync(node, "amy");
        await using var data = await StockSocket.DataAsync(node, "amy");

        (await control.InvokeAsync<DiscoveryResponse>("Discover", Discovery with { Protocol = 2 })).Error!.Sentence.Should().Contain("update the server");
        (await data.InvokeAsync<OpenResponse>("Open", new OpenRequest { Protocol = 0 })).Error!.Sentence.Should().Contain("update the client");
    }

    [Fact]
    [Trait("Requirement", "2.8")]
    [Trait("Requirement", "2.21")]
    [Trait("Requirement", "2.29")]
    [Trait("Requirement", "2.30")]
    public async Task A_data_connection_that_comes_first_waits_and_the_result_comes_on_control()
    {
        await using var node = await TestNode.StartAsync();
        await using var data = await StockSocket.DataAsync(node, "amy");
        var opening = data.InvokeAsync<OpenResponse>("Open", new OpenRequest { Session = "s1", Pipes = [new PipeRegistration { Name = "cat1", Resource = "http://localhost:9090" }] });
        await using var control = await StockSocket.ControlAsync(node, "amy");

        await control.InvokeAsync<DiscoveryResponse>("Discover", Discovery);

        (await opening).Error.Should().BeNull();
        var result = await control.NextPipesAsync();
        result.Error.Should().BeNull();
        result.Pipes.Should().ContainSingle().Which.Url.Should().Be($"http://cat1.localhost:{node.Port}/");
        (await control.InvokeAsync<ListPipesResponse>("ListPipes", new ListPipesRequest())).Pipes.Should().ContainSingle().Which.State.Should().Be("serving");
    }

    [Fact]
    [Trait("Requirement", "2.8")]
    public async Task A_data_connection_with_pipes_whose_control_never_comes_is_refused_and_closed()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Times.ControlWait = TimeSpan.FromMilliseconds(200));
        await using var data = await StockSocket.DataAsync(node, "amy");

        var answer = await data.InvokeAsync<OpenResponse>("Open", new OpenRequest { Session = "s1", Pipes = [new PipeRegistration { Resource = "http://localhost:1" }] });

        answer.Error!.Name.Should().Be("control_not_established");
        await data.Closed;
    }

    [Fact]
    [Trait("Requirement", "2.28")]
    [Trait("Guarantee", "G14")]
    public async Task A_ticket_of_another_client_or_one_that_was_used_opens_nothing()
    {
        await using var node = await TestNode.StartAsync();
        await using var control = await StockSocket.ControlAsync(node, "amy");
        await using var bens = await StockSocket.ControlAsync(node, "ben");
        var amy = await control.InvokeAsync<DiscoveryResponse>("Discover", Discovery);
        await bens.InvokeAsync<DiscoveryResponse>("Discover", Discovery);
        var pipes = new[] { new PipeRegistration { Name = "cat1", Resource = "http://localhost:9090" } };
        var open = new OpenRequest { Session = "s1", Ticket = amy.Ticket, Pipes = pipes };
        await using var stolen = await StockSocket.DataAsync(node, "ben");
        await using var right = await StockSocket.DataAsync(node, "amy");
        await using var used = await StockSocket.DataAsync(node, "amy");

        var refusedStolen = await stolen.InvokeAsync<OpenResponse>("Open", open);
        var opened = await right.InvokeAsync<OpenResponse>("Open", open);
        var refusedUsed = await used.InvokeAsync<OpenResponse>("Open", open);

        opened.Error.Should().BeNull();
        refusedStolen.Error.Should().Be(refusedUsed.Error).And.Match<DuplexityError>(e => e.Code == 204);
        await stolen.Closed;
        (await bens.InvokeAsync<ListPipesResponse>("ListPipes", new ListPipesRequest())).Pipes.Should().BeEmpty();
    }

    [Fact]
    [Trait("Requirement", "2.14")]
    public async Task One_bad_pipe_of_five_leaves_none_and_is_named()
    {
        await using var node = await TestNode.StartAsync();
        await using var control = await StockSocket.ControlAsync(node, "amy");
        await control.InvokeAsync<DiscoveryResponse>("Discover", Discovery);
        PipeRegistration[] pipes = [.. new[] { "a", "b", "no_such!", "d", "e" }.Select(n => new PipeRegistration { Name = n, Resource = "http://localhost:9090" })];

        var answer = await control.InvokeAsync<PipesResponse>("RegisterPipes", new RegisterPipesRequest { Pipes = pipes });

        answer.Error!.Code.Should().Be(108);
        answer.Pipes!.Select(p => p.Error is not null).Should().Equal(false, false, true, false, false);
        (await control.InvokeAsync<ListPipesResponse>("ListPipes", new ListPipesRequest())).Pipes.Should().BeEmpty();
    }

    [Fact]
    public async Task A_courtesy_disconnect_removes_the_pipes_at_once_and_closes_the_sessions_data_connection()
    {
        await using var node = await TestNode.StartAsync();
        await using var control = await StockSocket.ControlAsync(node, "amy");
        await using var watch = await StockSocket.ControlAsync(node, "amy");
        await using var data = await StockSocket.DataAsync(node, "amy");
        var discovered = await control.InvokeAsync<DiscoveryResponse>("Discover", Discovery);
        await watch.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest());
        await data.InvokeAsync<OpenResponse>("Open", new OpenRequest { Session = "s1", Ticket = discovered.Ticket, Pipes = [new PipeRegistration { Name = "cat1", Resource = "http://localhost:1" }] });

        await control.InvokeAsync<Done>("Disconnect", new DisconnectRequest());

        (await data.Disconnected).Code.Should().Be(524);
        (await watch.InvokeAsync<ListPipesResponse>("ListPipes", new ListPipesRequest())).Pipes.Should().BeEmpty();
    }

    [Fact]
    public async Task A_client_sees_its_own_sockets_and_closes_one_but_no_strangers()
    {
        await using var node = await TestNode.StartAsync();
        await using var one = await StockSocket.DataAsync(node, "amy");
        await using var two = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await two.JoinAsync("room:r");
        await using var control = await StockSocket.ControlAsync(node, "amy");
        await control.InvokeAsync<DiscoveryResponse>("Discover", Discovery);

        var sockets = (await control.InvokeAsync<ListSocketsResponse>("ListSockets", new ListSocketsRequest())).Sockets!;
        var own = await control.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = $"socket:{one.Id}", Reason = "old" });
        var strange = await control.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = $"socket:{ben.Id}" });

        sockets.Select(s => s.SocketId).Should().Equal(one.Id, two.Id);
        sockets[1].Channels.Should().Contain("room:r");
        sockets[0].AddressFamily.Should().Be("ipv4");
        own.Sockets.Should().Be(1);
        (await one.Disconnected).Reason.Should().Be("old");
        strange.Error!.Code.Should().Be(200);
    }
}
