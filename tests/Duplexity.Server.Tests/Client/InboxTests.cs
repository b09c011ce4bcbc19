using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Client;

public sealed class InboxTests
{
    /// <summary>Whoever ends a connection of this kind has all the time there is for its last acknowledgement.</summary>
    private static DuplexityConnectionOptions Unhurried(DuplexityConnectionOptions options) => options with { TimeProvider = new FakeTimeProvider() };

    [Fact]
    [Trait("Requirement", "1.8")]
    public async Task What_the_handler_has_finished_with_is_acknowledged_and_the_rest_comes_to_the_next_program()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        foreach (var text in new[] { "1", "2", "3" })
        {
            await ben.SendAsync(Address.Client("amy"), text);
        }

        var second = new TaskCompletionSource();
        await using (var amy = await node.ConnectAsync("amy", Unhurried))
        {
            amy.Inbox.OnMessage(async (message, stop) =>
            {
                if (message.Text == "2")
                {
                    second.TrySetResult();
                    await Task.Delay(Timeout.InfiniteTimeSpan, stop);
                }
            });
            await second.Task.Soon();
            amy.Inbox.Waiting.Should().Be(3);
        }

        await using var next = await node.ConnectAsync("amy");
        using var heard = new Heard(next.Inbox);
        (await heard.TextsAsync(2)).Should().Equal("2", "3");
        next.Inbox.Waiting.Should().Be(2);
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    public async Task A_reader_has_finished_with_a_message_when_it_asks_for_the_next_one()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using (var amy = await node.ConnectAsync("amy", Unhurried))
        {
            await amy.Inbox.JoinAsync();
            await ben.SendAsync(Address.Client("amy"), "1");
            await ben.SendAsync(Address.Client("amy"), "2");
            await foreach (var message in amy.Inbox.ReadAllAsync())
            {
                if (message.Text == "2")
                {
                    break;
                }
            }
        }

        await using var next = await node.ConnectAsync("amy");
        using var heard = new Heard(next.Inbox);
        (await heard.TextsAsync(1)).Should().Equal("2");
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task By_hand_what_was_not_acknowledged_comes_again_with_its_attempt()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => (o.Times.InboxAgain, o.Limits.InboxAttempts) = (TimeSpan.FromMilliseconds(50), 100));
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await node.ConnectAsync("amy", o => o with { Inbox = new() { Ack = AckMode.Manual } });
        using var heard = new Heard(amy.Inbox);
        await amy.Inbox.JoinAsync();
        await using var other = await node.ConnectAsync("amy", o => o with { Inbox = new() { Ack = AckMode.Manual } });
        var withdrawn = new TaskCompletionSource<WithdrawnEvent>();
        other.Inbox.Withdrawn += withdrawn.SetResult;
        await other.Inbox.JoinAsync();
        await ben.SendAsync(Address.Client("amy"), "work");

        var first = await heard.NextAsync();
        var again = await heard.NextAsync();

        (first.Text, first.Attempt, again.Text, again.Attempt, again.Id).Should().Be(("work", 1, "work", 2, first.Id));
        var stale = () => amy.Inbox.AcknowledgeAsync(first);
        (await stale.Should().ThrowAsync<DuplexityException>()).Which.Name.Should().Be("stale_attempt");
        for (var last = again; ; last = await heard.NextAsync())
        {
            try
            {
                await amy.Inbox.AcknowledgeAsync(last);
                break;
            }
            catch (DuplexityException e) when (e.Name == "stale_attempt")
            {
                // It was offered once more meanwhile.
            }
        }

        (await withdrawn.Task.Soon()).Should().BeEquivalentTo(new { MessageId = first.Id, Reason = WithdrawnReason.Taken });
        var taken = () => amy.Inbox.AcknowledgeAsync(again);
        (await taken.Should().ThrowAsync<DuplexityException>()).Which.Name.Should().Be("taken");
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task Devices_that_name_themselves_hear_everything_each_and_only_looking_acknowledges_nothing()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        foreach (var text in new[] { "hello", "bye" })
        {
            await ben.SendAsync(Address.Client("amy"), text);
            foreach (var reader in new[] { "laptop", "phone" })
            {
                await using var amy = await node.ConnectAsync("amy", o => Unhurried(o) with { Inbox = new() { Reader = reader, Ack = AckMode.Auto } });
                if (text == "hello" && reader == "phone")
                {
                    // A new reader begins behind what any other has acknowledged: from here on it has a place of its own.
                    await amy.Inbox.JoinAsync();
                    continue;
                }

                using var heard = new Heard(amy.Inbox);
                (await heard.TextsAsync(1)).Should().Equal(text);
            }
        }

        await using var looking = await node.ConnectAsync("amy", o => o with { Inbox = new() { Ack = AckMode.None } });
        using var seen = new Heard(looking.Inbox);
        await looking.Inbox.JoinAsync();
        await ben.SendAsync(Address.Client("amy"), "now");
        (await seen.TextsAsync(1)).Should().Equal("now");
        var byHand = () => looking.Inbox.AcknowledgeAsync((Message)null!);
        await byHand.Should().ThrowAsync<ArgumentNullException>();
    }
}
