using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

public sealed class CatchingUpTests
{
    [Fact]
    [Trait("Requirement", "1.11")]
    public async Task A_long_past_of_large_messages_is_paced_and_makes_no_slow_consumer_of_who_reads()
    {
        const int Count = 300;
        await using var node = await TestNode.StartAsync();
        var duplexity = node.Services.GetRequiredService<IDuplexity>();
        var padding = new string('x', 50_000);
        for (var i = 1; i <= Count; i++)
        {
            await duplexity.SendAsync(Address.Room("r"), $"{i}:{padding}");
        }

        await using var ben = await StockSocket.DataAsync(node, "ben");
        await ben.JoinAsync("room:r", since: Position.Start);

        (await ben.TextsAsync(Count)).Select(t => t![..t!.IndexOf(':')]).Should().Equal(Enumerable.Range(1, Count).Select(i => $"{i}"));
    }

    [Fact]
    [Trait("Guarantee", "G9")]
    [Trait("Requirement", "1.14")]
    public async Task A_copy_is_withheld_only_where_the_earlier_destination_brings_the_message_in_truth()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await amy.SendAsync("before", "room:a", "room:b");

        // room:a from now on, so what was before comes to ben under room:b or not at all.
        await ben.JoinAsync("room:a");
        await ben.JoinAsync("room:b", since: Position.Start);
        await amy.SendAsync("after", "room:a", "room:b");

        var heard = new[] { await ben.NextAsync(), await ben.NextAsync() };
        heard.Select(m => (m.Text, m.Channel)).Should().BeEquivalentTo([("before", "room:b"), ("after", "room:a")]);
        await ben.SettleAsync(amy);
        ben.HasNothing.Should().BeTrue();
    }

    [Fact]
    public async Task A_session_whose_token_ran_out_learns_so_when_it_is_back()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => (s.Time, s.Options) = (time, o => o.Times.ClockSkew = TimeSpan.Zero));
        var address = new Uri(node.Address, "data?session=s1");
        await using (var before = await StockSocket.ConnectAsync(address, node.Token("amy", TimeSpan.FromMinutes(1))))
        {
            await before.TakenInAsync(node);
            time.Advance(TimeSpan.FromMinutes(1));
            (await before.Disconnected).Code.Should().Be(502);
            await before.Closed;
        }

        await using var after = await StockSocket.ConnectAsync(address, node.Token("amy"));

        after.Welcome.Previous!.Code.Should().Be(502);
    }
}
