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
}
