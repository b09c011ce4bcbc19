using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>How connections end that the server ends, and what their clients are told.</summary>
public sealed class EndingTests
{
    [Fact]
    public async Task A_session_whose_token_expired_is_told_so_then_and_when_it_is_back()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => s.Time = time);
        await using (var before = await StockSocket.ConnectAsync(new Uri(node.Address, "data?session=s1"), node.Token("amy", TimeSpan.FromMinutes(1))))
        {
            await before.TakenInAsync(node);
            time.Advance(TimeSpan.FromMinutes(2));
            (await before.Disconnected).Code.Should().Be(Errors.IdentityExpired.Code);
            await before.Closed;
        }

        await using var after = await StockSocket.DataAsync(node, "amy", query: "?session=s1");

        after.Welcome.Previous!.Code.Should().Be(Errors.IdentityExpired.Code);
    }

    [Theory]
    [InlineData("data")]
    [InlineData("control")]
    public async Task A_node_that_stops_says_so_to_every_connection(string hub)
    {
        var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.ConnectAsync(new Uri(node.Address, hub), node.Token("amy"));
        if (hub == "control")
        {
            await amy.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest());
        }

        await node.DisposeAsync();

        var last = await amy.Disconnected;
        (last.Code, last.Retry).Should().Be((Errors.ShuttingDown.Code, "again"));
    }

    [Fact]
    public async Task A_socket_that_is_forced_out_is_told_why_and_to_stay_away()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        var duplexity = (IDuplexity)node.Services.GetService(typeof(IDuplexity))!;

        (await duplexity.DisconnectAsync(Address.Client("amy"), "enough")).Should().Be(1);

        var last = await amy.Disconnected;
        (last.Code, last.Reason, last.Retry).Should().Be((521, "enough", "never"));
        await amy.Closed;
    }

    [Fact]
    public async Task A_node_that_stops_tells_its_sockets_and_sessions_to_come_back()
    {
        var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var control = await StockSocket.ControlAsync(node, "amy");
        await control.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest());

        await node.DisposeAsync();

        (await amy.Disconnected).Should().Match<DisconnectedEvent>(d => d.Code == 500 && d.Retry == "again");
        (await control.Disconnected).Should().Match<DisconnectedEvent>(d => d.Code == 500 && d.Retry == "again");
    }

    [Fact]
    public async Task A_session_that_was_cut_off_learns_why_when_it_is_back()
    {
        await using var node = await TestNode.StartAsync(setup => setup.Options = o => o.Times.Block = TimeSpan.Zero);
        var duplexity = (IDuplexity)node.Services.GetService(typeof(IDuplexity))!;
        await using (var before = await StockSocket.DataAsync(node, "amy", query: "?session=s1"))
        {
            await duplexity.DisconnectAsync(Address.Socket(before.Id), "enough");
            await before.Closed;
        }

        await using var after = await StockSocket.DataAsync(node, "amy", query: "?session=s1");
        await using var stranger = await StockSocket.DataAsync(node, "ben", query: "?session=s1");

        after.Welcome.Previous.Should().Be(new PreviousEnd { Code = 521, Reason = "enough" });
        stranger.Welcome.Previous.Should().BeNull();
    }
}
