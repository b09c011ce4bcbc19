using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Rooms;

/// <summary>Nobody hears what somebody emits without the consent of who emits it.</summary>
public sealed class FeedTests
{
    [Fact]
    [Trait("Requirement", "1.16")]
    public async Task A_feed_is_followed_with_its_owners_consent_and_otherwise_reads_as_not_there()
    {
        await using var node = await TestNode.StartAsync();
        await using var egg = await StockSocket.DataAsync(node, "egg");
        await using var control = await StockSocket.DiscoveredAsync(node, "egg");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        var left = ben.Hear<LeftEvent>("Left");

        var unasked = await ben.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "feed:egg" });
        var nobody = await ben.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "feed:nobody" });
        var past = await ben.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "feed:egg" });
        var looked = await control.InvokeAsync<SetFeedResponse>("SetFeed", new SetFeedRequest { Look = true });
        var wrong = await control.InvokeAsync<SetFeedResponse>("SetFeed", new SetFeedRequest { Followers = ["everybody"] });
        await control.InvokeAsync<SetFeedResponse>("SetFeed", new SetFeedRequest { Followers = ["client:ben"] });
        await ben.JoinAsync("feed:egg");
        await egg.InvokeAsync<SendResponse>("Emit", new EmitRequest { Text = "hello" });

        unasked.Error.Should().BeEquivalentTo(new { Name = "unknown_destination", Gate = "feed" });
        unasked.Error!.Sentence.Should().Be(nobody.Error!.Sentence.Replace("feed:nobody", "feed:egg"));
        past.Error!.Name.Should().Be("unknown_destination");
        looked.Followers.Should().Equal("nobody");
        wrong.Error!.Name.Should().Be("invalid_request");
        (await ben.NextAsync()).Text.Should().Be("hello");

        (await egg.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "feed:egg" })).Members.Should().BeEquivalentTo(new[] { new Member { Client = "ben", Sockets = [ben.Id] } });
        (await ben.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "feed:egg" })).Error!.Name.Should().Be("unknown_destination", "who follows is the owner's to know");
        var settled = await control.InvokeAsync<SetFeedResponse>("SetFeed", new SetFeedRequest { Followers = [] });
        (await left.ReadAsync().Soon()).Should().BeEquivalentTo(new { Channel = "feed:egg", Client = "ben" });
        settled.Followers.Should().BeEmpty();
        await egg.InvokeAsync<SendResponse>("Emit", new EmitRequest { Text = "to myself" });
        await ben.SettleAsync(egg);
        ben.HasNothing.Should().BeTrue();
    }

    [Fact]
    public async Task An_operator_may_open_feeds_and_an_owner_close_its_own()
    {
        await using var node = await TestNode.StartAsync(s => s.Settings["Duplexity:Feeds:Followers:0"] = "*");
        await using var control = await StockSocket.DiscoveredAsync(node, "egg");
        await using var ben = await StockSocket.DataAsync(node, "ben");

        await ben.JoinAsync("feed:amy");
        await control.InvokeAsync<SetFeedResponse>("SetFeed", new SetFeedRequest { Followers = ["nobody"] });

        (await ben.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "feed:egg" })).Error!.Name.Should().Be("unknown_destination");
        (await control.InvokeAsync<SetFeedResponse>("SetFeed", new SetFeedRequest())).Followers.Should().Equal("*");
        await ben.JoinAsync("feed:egg");
    }
}
