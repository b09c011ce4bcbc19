using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>Disconnecting is one's own affair, and an administrator's, who is written down (2.33, 2.39).</summary>
public sealed class ForceTests
{
    [Fact]
    [Trait("Requirement", "2.33")]
    [Trait("Guarantee", "G10")]
    public async Task A_client_disconnects_itself_and_by_no_call_another_one()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var pipe = await ben.Pipes.OpenAsync("cat1", "http://127.0.0.1:1");
        await using var bens = await StockSocket.DataAsync(node, "ben", query: "?session=s1");
        await using var bensControl = await StockSocket.ControlAsync(node, "ben");
        await bensControl.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });

        // The same session's name, another client: it is another session.
        await using var amy = await StockSocket.ControlAsync(node, "amy");
        await amy.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });
        await using var amys = await StockSocket.DataAsync(node, "amy", query: "?session=s1");
        (await amy.InvokeAsync<Done>("Disconnect", new DisconnectRequest { As = "ben" })).Error!.Code.Should().Be(201);
        foreach (var target in (string[])["client:ben", $"socket:{bens.Id}", $"socket:{ben.SocketId}"])
        {
            (await amy.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = target })).Error!.Name.Should().Be("denied", target);
        }

        (await amy.InvokeAsync<Done>("RemovePipes", new RemovePipesRequest { Names = ["cat1"] })).Error.Should().BeNull("what is not one's own is as if it were not there");
        (await amy.InvokeAsync<Done>("Disconnect", new DisconnectRequest())).Error.Should().BeNull();

        (await amys.Disconnected).Code.Should().Be(524);
        (await bens.SendAsync("still here", "room:x")).Error.Should().BeNull();
        (await bensControl.InvokeAsync<ListSocketsResponse>("ListSockets", new ListSocketsRequest())).Sockets.Should().HaveCount(2);
        (await node.Services.GetRequiredService<IEngine>().Registry.LocateAsync("cat1.localhost"))!.Client.Should().Be("ben");
    }

    [Fact]
    [Trait("Requirement", "2.39")]
    [Trait("Guarantee", "G21")]
    public async Task Who_is_forced_out_by_an_administrator_is_told_why_stays_away_by_itself_and_it_is_written_down_by_whom()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", "http://127.0.0.1:1");
        await using var admin = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));
        var isBack = false;
        amy.StateChanged += change => isBack |= change.Current is ConnectionState.Ready or ConnectionState.Reconnecting;

        var answer = await admin.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = "client:amy", Reason = "the machine is being sold" });

        answer.Sockets.Should().Be(1);
        var closed = await amy.Closed.Soon();
        (closed.Code, closed.Sentence).Should().Be((521, "the machine is being sold"));
        isBack.Should().BeFalse("it waits for a person");
        (await node.Services.GetRequiredService<IEngine>().Registry.ListAsync("amy")).Should().BeEmpty();
        node.Logs.Lines.Should().ContainSingle(l => l.Event.Id == 2007).Which.Text.Should().Be("client:amy is disconnected by force, by root, and kept away for 300 s");
    }

    [Fact]
    [Trait("Requirement", "1.7")]
    [Trait("Guarantee", "G10")]
    public async Task The_rights_of_the_client_that_is_acted_as_decide_though_anothers_on_the_socket_would_allow()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsAsync(node, "ben", ("duplexity", new { send = new[] { "room:bens" } }));
        await socket.AuthenticateAsync(node.Token("amy", null, ("duplexity", new { send = new[] { "room:amys" } })));

        (await socket.SendAsAsync("ben", "x", "room:bens")).Error.Should().BeNull();
        (await socket.SendAsAsync("ben", "x", "room:amys")).Error!.Code.Should().Be(203);
        (await socket.SendAsAsync("amy", "x", "room:amys")).Error.Should().BeNull();
        (await socket.SendAsAsync("amy", "x", "room:bens")).Error!.Code.Should().Be(203);
        (await socket.SendAsAsync(null, "x", "room:bens")).Error.Should().BeNull("the one that it was opened with is the primary one");
        (await socket.SendAsAsync(null, "x", "room:amys")).Error!.Code.Should().Be(203);
    }
}
