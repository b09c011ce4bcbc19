using Duplexity.Protocol;
using Duplexity.Server.Inboxes;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Inboxes;

/// <summary>Acknowledging by hand: what comes again, what is given up, and whose acknowledgement counts.</summary>
public sealed class ManualTests
{
    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task What_is_not_acknowledged_comes_again_and_becomes_a_dead_letter_and_the_rest_goes_on()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => (o.Times.InboxAgain, o.Times.InboxAgainMost, o.Limits.InboxAttempts) = (TimeSpan.FromMilliseconds(30), TimeSpan.FromMilliseconds(60), 3));
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await InboxTests.JoinAsync(amy, new() { Ack = "manual" });
        var withdrawn = amy.Hear<WithdrawnEvent>("Withdrawn");
        await ben.SendAsync("poison", "client:amy");

        var offered = new[] { await amy.NextAsync(), await amy.NextAsync(), await amy.NextAsync() };

        offered.Select(m => (m.Text, m.Attempt)).Should().Equal(("poison", null), ("poison", 2), ("poison", 3));
        await node.Logs.WaitForAsync("the dead letter", l => l.Event.Id == 3051);
        (await withdrawn.ReadAsync().Soon()).Should().BeEquivalentTo(new { offered[0].Position, Attempt = 3, Reason = "dead_letter" });
        var letter = (await node.Services.GetRequiredService<InboxIndex>().DeadLetters.ReadAsync("amy", null, 10)).Letters.Should().ContainSingle().Subject;
        (letter.Message.Text, letter.Attempts).Should().Be(("poison", 3));

        // What is good is not given up while this machine stands still.
        node.Services.GetRequiredService<DuplexityOptions>().Times.InboxAgain = TimeSpan.FromHours(1);
        node.Services.GetRequiredService<DuplexityOptions>().Times.InboxAgainMost = TimeSpan.FromHours(1);
        await ben.SendAsync("good", "client:amy");
        var good = await amy.NextAsync();
        good.Text.Should().Be("good");
        (await InboxTests.AcknowledgeAsync(amy, new() { Position = good.Position })).Error.Should().BeNull();
        (await InboxTests.JoinAsync(amy, new() { Ack = "manual" })).Waiting.Should().Be(0, "what was given up is settled");

        var kept = (await amy.InvokeAsync<DeadLettersResponse>("DeadLetters", new DeadLettersRequest())).Letters!.Should().ContainSingle().Subject;
        (kept.Message.Id, kept.Message.From.Client).Should().Be((offered[0].Id, "ben"));
        (await ben.InvokeAsync<DeadLettersResponse>("DeadLetters", new DeadLettersRequest())).Letters.Should().BeEmpty("they are the receiver's");
        (await ben.InvokeAsync<ReplayResponse>("Replay", new ReplayRequest { Id = kept.Message.Id })).Error!.Code.Should().Be(110);
        var replayed = await amy.InvokeAsync<ReplayResponse>("Replay", new ReplayRequest { Id = kept.Message.Id });
        var anew = await amy.NextAsync();
        (anew.Text, anew.Attempt, anew.Id, anew.Position).Should().Be(("poison", null, replayed.MessageId!, replayed.Position!));
        (await InboxTests.AcknowledgeAsync(amy, new() { Position = anew.Position })).Error.Should().BeNull();
        (await amy.InvokeAsync<ReplayResponse>("Replay", new ReplayRequest { Id = kept.Message.Id })).Error!.Code.Should().Be(110, "it was put back once");
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task The_first_that_acknowledges_has_it_and_the_others_that_were_offered_it_are_told()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var first = await StockSocket.DataAsync(node, "amy");
        await using var second = await StockSocket.DataAsync(node, "amy", json: true);
        await using var other = await StockSocket.DataAsync(node, "amy");
        var (told, toldFirst, toldOther) = (second.Hear<WithdrawnEvent>("Withdrawn"), first.Hear<WithdrawnEvent>("Withdrawn"), other.Hear<WithdrawnEvent>("Withdrawn"));
        await InboxTests.JoinAsync(first, new() { Ack = "manual" });
        await InboxTests.JoinAsync(second, new() { Ack = "manual" });
        await InboxTests.JoinAsync(other, new() { Ack = "manual", Reader = "apart" });
        await InboxTests.SendAsync(ben, 2);
        var message = await first.NextAsync();
        (await second.NextAsync()).Position.Should().Be(message.Position);
        await second.NextAsync();

        (await InboxTests.AcknowledgeAsync(first, new() { Position = message.Position, Attempt = 1 })).Error.Should().BeNull();

        (await told.ReadAsync().Soon()).Should().BeEquivalentTo(new { Channel = "client:amy", message.Position, MessageId = message.Id, Attempt = 1, Reason = "taken" });
        (await InboxTests.AcknowledgeAsync(second, new() { Position = message.Position, Attempt = 1 })).Error!.Name.Should().Be("taken");
        var next = await first.NextAsync();
        (await InboxTests.AcknowledgeAsync(second, new() { Through = next.Position })).Error.Should().BeNull();
        (await toldFirst.ReadAsync().Soon()).Position.Should().Be(next.Position, "that is the only one of which it is told");
        (told.Count, toldOther.Count).Should().Be((0, 0), "another reader has a place of its own");
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task Acknowledgements_in_any_order_move_the_place_as_far_as_there_is_no_hole()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        DeliveredMessage[] messages;
        await using (var amy = await StockSocket.DataAsync(node, "amy"))
        {
            await InboxTests.JoinAsync(amy, new() { Ack = "manual" });
            await InboxTests.SendAsync(ben, 3);
            messages = [await amy.NextAsync(), await amy.NextAsync(), await amy.NextAsync()];
            (await InboxTests.AcknowledgeAsync(amy, new() { Position = messages[2].Position })).Error.Should().BeNull();
            (await InboxTests.AcknowledgeAsync(amy, new() { Position = messages[2].Position })).Error!.Name.Should().Be("taken");
            (await InboxTests.AcknowledgeAsync(amy, new() { Position = messages[0].Position, Attempt = 2 })).Error!.Name.Should().Be("stale_attempt");
            (await InboxTests.AcknowledgeAsync(amy, new() { Position = messages[0].Position, Attempt = 1 })).Error.Should().BeNull();
            await amy.LeaveAsync(node);
        }

        await using var again = await StockSocket.DataAsync(node, "amy");
        (await InboxTests.JoinAsync(again, new() { Ack = "manual" })).Position.Should().Be(messages[0].Position);
        var second = await again.NextAsync();
        (second.Text, second.Attempt).Should().Be(("2", 2), "offering it to a new socket, the old one gone, is the next attempt");
        await again.SettleAsync(ben);
        again.HasNothing.Should().BeTrue("the third was acknowledged");
        await InboxTests.AcknowledgeAsync(again, new() { Position = second.Position, Attempt = 2 });
        (await InboxTests.JoinAsync(again, new() { Ack = "manual" })).Waiting.Should().Be(0);
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task No_more_than_the_window_is_in_hand_and_an_acknowledgement_makes_room()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.InboxWindow = 4);
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await InboxTests.SendAsync(ben, 5);
        await InboxTests.JoinAsync(amy, new() { Ack = "manual" });
        await InboxTests.SendAsync(ben, 5);

        for (var i = 0; i < 10; i++)
        {
            var message = await amy.NextAsync();
            if (i == 3)
            {
                await amy.SettleAsync(ben);
                amy.HasNothing.Should().BeTrue("four are in hand");
            }

            if (i >= 3)
            {
                await InboxTests.AcknowledgeAsync(amy, new() { Position = message.Position });
            }
        }
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task Of_ten_thousand_acknowledgements_from_two_sockets_at_once_one_each_counts()
    {
        const int Count = 10_000;
        await using var node = await TestNode.StartAsync(s => s.Options = o => (o.Limits.InboxWindow, o.Limits.SocketQueueBytes, o.Times.InboxAgain) = (2 * Count, 64 * 1024 * 1024, TimeSpan.FromHours(1)));
        var duplexity = node.Services.GetRequiredService<IDuplexity>();
        await using var one = await StockSocket.DataAsync(node, "amy");
        await using var other = await StockSocket.DataAsync(node, "amy");
        await InboxTests.JoinAsync(one, new() { Ack = "manual" });
        await InboxTests.JoinAsync(other, new() { Ack = "manual" });
        for (var i = 0; i < Count; i++)
        {
            await duplexity.SendAsync(Address.Client("amy"), $"{i}");
        }

        // Both have all of them: what is settled comes to nobody any more.
        var (ones, others) = (await PlacesAsync(one), await PlacesAsync(other));
        var accepted = new int[Count + 1];
        await Task.WhenAll(ones.Select(place => AcknowledgeAsync(one, place)).Concat(others.Select(place => AcknowledgeAsync(other, place))));

        accepted.Skip(1).Should().AllBeEquivalentTo(1);
        (await InboxTests.JoinAsync(one, new() { Ack = "manual" })).Waiting.Should().Be(0);

        async Task<Position[]> PlacesAsync(StockSocket socket)
        {
            var places = new Position[Count];
            for (var i = 0; i < Count; i++)
            {
                places[i] = (await socket.NextAsync()).Position;
            }

            return places;
        }

        async Task AcknowledgeAsync(StockSocket socket, Position position)
        {
            var answer = await InboxTests.AcknowledgeAsync(socket, new() { Position = position });
            if (answer.Error is null)
            {
                Interlocked.Increment(ref accepted[position.Offset]);
            }
            else
            {
                answer.Error.Name.Should().Be("taken");
            }
        }
    }
}
