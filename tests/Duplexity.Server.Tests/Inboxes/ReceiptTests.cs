using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Inboxes;

/// <summary>Receipts beyond the log: a sender that asked is told what was delivered and acknowledged, and honestly when it is not.</summary>
public sealed class ReceiptTests
{
    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task A_sender_that_asked_is_told_what_was_delivered_and_acknowledged_once_each()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        var told = ben.Hear<ReceiptChangedEvent>("ReceiptChanged");
        var receipt = await SendAsync(ben, "acknowledged", "client:amy", "client:cleo");
        receipt.Level.Should().Be("accepted", "no method waits for a peer");
        await using var cleo = await StockSocket.DataAsync(node, "cleo");
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var again = await StockSocket.DataAsync(node, "amy");
        await InboxTests.JoinAsync(amy, new() { Ack = "manual" });

        var delivered = await told.ReadAsync().Soon();
        await InboxTests.JoinAsync(again, new() { Ack = "handled", Reader = "second" });
        await again.NextAsync();
        var message = await amy.NextAsync();
        (await InboxTests.AcknowledgeAsync(amy, new() { Position = message.Position })).Error.Should().BeNull();
        var acknowledged = await told.ReadAsync().Soon();
        await InboxTests.AcknowledgeAsync(again, new() { Reader = "second", Through = message.Position });

        (delivered.MessageId, delivered.Level, Destination(delivered)).Should().Be((receipt.MessageId!, "delivered", ("client:amy", receipt.Destinations![0].Position!)));
        (acknowledged.Level, Destination(acknowledged)).Should().Be(("acknowledged", ("client:amy", message.Position)));
        await cleo.JoinAsync("client:cleo");
        (await told.ReadAsync().Soon()).Should().Match<ReceiptChangedEvent>(c => c.Level == "delivered" && c.Destinations![0].To == "client:cleo");
        (await told.ReadAsync().Soon()).Should().Match<ReceiptChangedEvent>(c => c.Level == "acknowledged" && c.Destinations![0].To == "client:cleo", "written counts as acknowledged for stock clients");
        await ben.SettleAsync(cleo);
        told.Count.Should().Be(0);
        node.Services.GetRequiredService<AwaitedReceipts>().Count.Should().Be(0, "everything that was asked is told");
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task A_room_is_delivered_to_when_somebody_else_hears_it_and_a_claimed_message_when_it_is_dealt_and_done()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        var told = ben.Hear<ReceiptChangedEvent>("ReceiptChanged");
        await ben.JoinAsync("room:lobby");
        var unheard = await SendAsync(ben, "delivered", "room:lobby");
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await amy.JoinAsync("room:lobby");
        var heard = await SendAsync(ben, "delivered", "room:lobby");
        (await told.ReadAsync().Soon()).Should().Match<ReceiptChangedEvent>(c => c.MessageId == heard.MessageId && c.Level == "delivered");
        await amy.JoinAsync("room:lobby", last: 2);
        (await told.ReadAsync().Soon()).MessageId.Should().Be(unheard.MessageId!, "late, but it was");

        await ClaimTests.ClaimAsync(amy);
        var work = await SendAsync(ben, "acknowledged", "client:amy");
        (await told.ReadAsync().Soon()).Should().Match<ReceiptChangedEvent>(c => c.MessageId == work.MessageId && c.Level == "delivered");
        DeliveredMessage claimed;
        do
        {
            claimed = await amy.NextAsync();
        }
        while (claimed.Id != work.MessageId);
        await ClaimTests.AcknowledgeAsync(amy, claimed);
        (await told.ReadAsync().Soon()).Should().Match<ReceiptChangedEvent>(c => c.MessageId == work.MessageId && c.Level == "acknowledged");
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    [Trait("Guarantee", "G24")]
    public async Task What_is_given_up_is_said_and_nothing_is_kept_for_ever_or_without_bound()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => (s.Time, s.Options) = (time, o => (o.Limits.InboxAttempts, o.Limits.AwaitedReceipts, o.Times.Receipt) = (1, 3, TimeSpan.FromMinutes(5))));
        var awaited = node.Services.GetRequiredService<AwaitedReceipts>();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var amy = await StockSocket.DataAsync(node, "amy");
        var told = ben.Hear<ReceiptChangedEvent>("ReceiptChanged");
        await InboxTests.JoinAsync(amy, new() { Ack = "manual" });
        var dead = await SendAsync(ben, "acknowledged", "client:amy");
        (await told.ReadAsync().Soon()).Level.Should().Be("delivered");
        time.Advance(TimeSpan.FromSeconds(11));
        (await told.ReadAsync().Soon()).Should().Match<ReceiptChangedEvent>(c => c.MessageId == dead.MessageId && c.Level == null && c.Error!.Name == "not_reached" && c.Error.Sentence.Contains("dead letter"));

        var late = await SendAsync(ben, "delivered", "client:cleo");
        await SendAsync(ben, "delivered", "client:cleo");
        await using (var other = await StockSocket.DataAsync(node, "ben"))
        {
            await SendAsync(other, "delivered", "client:cleo");
            var refused = await ben.InvokeAsync<SendResponse>("Send", new SendRequest { To = ["client:cleo"], Text = "x", Level = "delivered" });
            (refused.Error!.Code, refused.Error.Limit).Should().Be((300, "awaited_receipts"));
            awaited.Count.Should().Be(3);
            await other.LeaveAsync(node);
        }

        await SendAsync(ben, "delivered", "client:cleo");
        time.Advance(TimeSpan.FromMinutes(6));
        (await told.ReadAsync().Soon()).Error!.Name.Should().Be("not_reached");
        var others = new[] { await told.ReadAsync().Soon(), await told.ReadAsync().Soon() };
        others.Should().OnlyContain(c => c.Error!.Name == "not_reached");
        awaited.Count.Should().Be(0);
        late.MessageId.Should().NotBeNull();
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task What_cannot_be_told_is_refused_before_it_is_stored()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        foreach (var to in new string[][] { ["room:lobby"], ["client:amy", "room:lobby"] })
        {
            (await ben.InvokeAsync<SendResponse>("Send", new SendRequest { To = to, Text = "x", Level = "acknowledged" })).Error!.Code.Should().Be(102);
        }

        (await ben.InvokeAsync<SendResponse>("Emit", new EmitRequest { Text = "x", Level = "acknowledged" })).Error!.Code.Should().Be(102);
        var application = () => node.Services.GetRequiredService<IDuplexity>().SendAsync(Address.Client("amy"), "x", new() { Level = ReceiptLevel.Delivered });
        (await application.Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(102);
        (await ben.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:lobby" })).Messages.Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task The_sdk_waits_for_the_level_and_says_how_far_it_came()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await node.ConnectAsync("amy");
        using var heard = new Heard(amy.Inbox);
        await amy.Inbox.JoinAsync();

        var acknowledged = await ben.SendAsync(Address.Client("amy"), "hello", new() { Level = ReceiptLevel.Acknowledged, Within = TestTimeout.Soon });
        var away = await ben.SendAsync([Address.Client("amy"), Address.Client("cleo")], "hello", new() { Level = ReceiptLevel.Delivered, Within = TimeSpan.FromMilliseconds(1) });
        var waiting = ben.SendAsync(Address.Client("cleo"), "hello", new() { Level = ReceiptLevel.Delivered, Within = TimeSpan.FromHours(1) });
        for (var i = 0; i < 10; i++)
        {
            // Answers may overtake each other: those to a few calls, one after the other, come behind it.
            await ben.SendAsync(Address.Client("cleo"), "behind it");
        }

        await node.Services.GetRequiredService<IDuplexity>().DisconnectAsync(Address.Socket(ben.SocketId), "go");

        acknowledged.Level.Should().Be(ReceiptLevel.Acknowledged);
        (away.Level, away.Complete).Should().Be((ReceiptLevel.Accepted, true));
        (await waiting.Soon()).Level.Should().Be(ReceiptLevel.Accepted, "with the connection nobody is told any more");
    }

    private static async Task<SendResponse> SendAsync(StockSocket socket, string level, params string[] to)
    {
        var answer = await socket.InvokeAsync<SendResponse>("Send", new SendRequest { To = to, Text = "x", Level = level });
        answer.Error.Should().BeNull();
        return answer;
    }

    private static (string To, Position Place) Destination(ReceiptChangedEvent changed) => (changed.Destinations!.Single().To, changed.Destinations!.Single().Position!);
}
