using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

public sealed class HostileClientTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Requirement", "1.6")]
    public async Task A_header_without_a_value_is_refused_and_the_room_goes_on(bool json)
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy", json);
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await ben.JoinAsync("room:r");

        var answer = await amy.InvokeAsync<SendResponse>("Send", new SendRequest { To = ["room:r"], Text = "poison", Headers = new() { ["a"] = null! } });
        await amy.SendAsync("hello", "room:r");

        answer.Error?.Code.Should().Be(102);
        (await ben.NextAsync()).Text.Should().Be("hello");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Requirement", "2.14")]
    public async Task A_list_with_nothing_in_a_place_is_the_callers_mistake_and_no_fault_of_the_node(bool json)
    {
        await using var node = await TestNode.StartAsync();
        await using var control = await StockSocket.ControlAsync(node, "amy", json);
        await control.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });
        await using var data = await StockSocket.DataAsync(node, "amy", json);

        (await control.InvokeAsync<PipesResponse>("RegisterPipes", new RegisterPipesRequest { Pipes = [null!] })).Error!.Code.Should().Be(102);
        (await control.InvokeAsync<Done>("RemovePipes", new RemovePipesRequest { Names = [null!] })).Error!.Code.Should().Be(102);
        (await data.InvokeAsync<SendResponse>("Send", new SendRequest { To = [null!], Text = "hi" })).Error!.Code.Should().Be(103);
        (await data.InvokeAsync<OpenResponse>("Open", new OpenRequest { Session = "s1", Pipes = [null!] })).Error!.Code.Should().Be(102);
    }

    [Fact]
    [Trait("Requirement", "2.2")]
    public async Task Neither_plane_knows_the_others_commands_and_control_takes_nothing_large()
    {
        // A plane has more commands than a connection may call that are none there.
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.ProtocolErrors = 100);
        node.Logs.Expect(_ => true);
        await using var control = await StockSocket.ControlAsync(node, "amy");
        await control.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });
        await using var data = await StockSocket.DataAsync(node, "amy");

        foreach (var (plane, other) in new[] { (control, typeof(IDataHub)), (data, typeof(IControlHub)) })
        {
            // Both planes hold identities, and change them alike.
            foreach (var method in other.GetMethods().Where(m => m.Name is not ("Authenticate" or "Refresh" or "Drop")))
            {
                var request = Activator.CreateInstance(method.GetParameters()[0].ParameterType);
                await plane.Hub.Invoking(h => h.InvokeCoreAsync(method.Name, method.ReturnType.GetGenericArguments()[0], [request]))
                    .Should().ThrowAsync<HubException>(method.Name);
            }
        }

        await control.Hub.SendAsync("RemovePipes", new RemovePipesRequest { Names = [new string('x', 70_000)] });
        await control.Closed;
    }
}
