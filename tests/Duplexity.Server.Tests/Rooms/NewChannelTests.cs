using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Rooms;

/// <summary>How many channels a client may bring into being, and that those which nobody uses are gone (G24).</summary>
[Trait("Guarantee", "G24")]
public sealed class NewChannelTests
{
    [Fact]
    public async Task New_channels_are_bounded_for_each_client_and_what_is_there_costs_nothing()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.NewChannelsPerHour = 3);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var control = await StockSocket.DiscoveredAsync(node, "amy");
        await ben.SendAsync("x", "room:bens");

        await amy.JoinAsync("room:a");
        await amy.SendAsync("x", "room:b", "client:new");
        var sent = await amy.SendAsync("x", "room:c", "room:a", "room:b", "room:bens", "client:new", "client:amy");
        var joined = await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:c" });
        var made = await control.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "c" });
        var explained = await control.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = "send", Target = "room:c" });

        sent.Destinations!.Select(d => d.Error?.Name).Should().Equal("rate_limited", null, null, null, null, null);
        sent.Destinations![0].Error.Should().BeEquivalentTo(new { Limit = "new_channels_per_hour", Used = 3L, Gate = "new_channels_per_hour" });
        sent.Destinations[0].Error!.RetryAfterMs.Should().BeInRange(3_000_000, 3_600_000);
        joined.Error!.Limit.Should().Be("new_channels_per_hour");
        made.Error!.Limit.Should().Be("new_channels_per_hour");
        explained.Gates!.Single(g => g.Error is not null).Gate.Should().Be("new_channels_per_hour");
        (await ben.SendAsync("x", "room:c")).Error.Should().BeNull("it is counted by client");
        (await amy.SendAsync("x", "room:c")).Error.Should().BeNull("now it is there");
    }

    [Fact]
    public async Task A_channel_counts_once_and_an_hour_later_there_is_room_for_more()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Time = time;
            s.Options = o => o.Limits.NewChannelsPerHour = 1;
        });
        var machine = node.Services.GetRequiredService<Server.Pipes.NewChannels>();
        machine.Take("amy", Address.Room("a")).Should().BeNull();
        machine.Take("amy", Address.Room("a")).Should().BeNull("a channel counts once, however many messages bring it at once");
        time.Advance(TimeSpan.FromMinutes(20));

        var refused = machine.Take("amy", Address.Room("b"))!;
        time.Advance(TimeSpan.FromMilliseconds(refused.RetryAfterMs!.Value));

        refused.RetryAfterMs.Should().Be(40 * 60 * 1000);
        machine.Take("amy", Address.Room("b")).Should().BeNull();
        machine.Take("amy", Address.Room("c")).Should().NotBeNull();
    }

    [Fact]
    public async Task A_room_that_is_empty_of_members_and_of_messages_leaves_nothing_behind()
    {
        var time = new FakeTimeProvider();
        var presence = new MemoryPresence(new MonotonicClock(time));
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Times.Vacated = TimeSpan.Zero);
        var channels = node.Services.GetRequiredService<ChannelIndex>();
        await using (var amy = await StockSocket.DataAsync(node, "amy"))
        {
            await amy.JoinAsync("room:a");
            channels.Subscriptions(Address.Room("a")).Should().ContainSingle();
            await amy.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = "room:a" });
            channels.Addresses.Should().NotContain(Address.Room("a"));
        }

        await presence.AddAsync(Address.Room("a"), "amy", "s");
        await presence.RemoveAsync(Address.Room("a"), "amy", "s");
        presence.Sweep();
        presence.Channels.Should().Be(1, "its version outlives a moment");
        time.Advance(TimeSpan.FromMinutes(1));
        presence.Sweep();
        presence.Channels.Should().Be(0);
    }
}
