using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Inboxes;
using Duplexity.Server.Tests.Inboxes;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>One inbox whose client is on two nodes: its places, and what is acknowledged by hand.</summary>
[Trait("Guarantee", "G22")]
public sealed class RedisInboxTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Theory]
    [InlineData("handled")]
    [InlineData("manual")]
    [InlineData("claim")]
    [Trait("Requirement", "1.8")]
    [Trait("Requirement", "1.31")]
    public async Task What_one_node_has_answered_as_acknowledged_does_not_come_again_on_the_other(string ack)
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var ben = await StockSocket.DataAsync(pair.B, "ben");
        await InboxTests.SendAsync(ben, 3);
        await using (var amy = await StockSocket.DataAsync(pair.A, "amy"))
        {
            await InboxTests.JoinAsync(amy, new() { Ack = ack, Hands = ack == "claim" ? 2 : null });
            var messages = new[] { await amy.NextAsync(), await amy.NextAsync() };
            foreach (var message in messages)
            {
                (await InboxTests.AcknowledgeAsync(amy, ack == "handled" ? new() { Through = message.Position } : new() { Position = message.Position, Attempt = message.Attempt })).Error.Should().BeNull();
            }

            // On the other node at once, and while this one still reads; what is claimed comes from where there is a hand free.
            await using var other = await StockSocket.DataAsync(pair.B, "amy");
            var joined = await InboxTests.JoinAsync(other, new() { Ack = ack });
            (joined.Position, joined.Waiting).Should().Be((messages[1].Position, 1));
            (await InboxTests.AcknowledgeAsync(other, new() { Through = messages[0].Position })).Error?.Code.Should().Be(ack == "claim" ? 102 : null, "it lies behind the place");
        }

        await using var back = await StockSocket.DataAsync(pair.A, "amy");
        var again = await InboxTests.JoinAsync(back, new() { Ack = ack });
        again.Position!.Offset.Should().BeInRange(2, 3);
    }

    [Fact]
    [Trait("Requirement", "1.31")]
    public async Task Places_of_one_reader_on_two_nodes_never_go_back_and_become_one()
    {
        const int Count = 300;
        await using var pair = await RedisPair.StartAsync(redis, configure: (s, _) => s.Options = o => o.Times.Cursors = TimeSpan.FromMilliseconds(1));
        await using var ben = await StockSocket.DataAsync(pair.A, "ben");
        await using var one = await StockSocket.DataAsync(pair.A, "amy");
        await using var two = await StockSocket.DataAsync(pair.B, "amy");
        var records = pair.A.Services.GetRequiredService<IEngine>().Records;
        await InboxTests.JoinAsync(one, new());
        await InboxTests.JoinAsync(two, new() { Ack = "handled" });
        var reading = Task.WhenAll(one.TextsAsync(Count), AcknowledgeAllAsync());
        var (places, written) = (new List<long>(), "");
        for (var i = 0; i < Count; i++)
        {
            await ben.SendAsync($"{i}", "client:amy");
            if (await records.ReadAsync(ReaderRecord.Kind, "amy") is { } record && record != written)
            {
                written = record;
                places.Add(Position.Parse(ReaderRecord.Read(record)[""].Place).Offset);
            }
        }

        await reading.Soon(TestTimeout.Long);

        places.Should().BeInAscendingOrder().And.Subject.Distinct().Count().Should().BeGreaterThan(2);
        foreach (var node in new[] { pair.A, pair.B })
        {
            await using var late = await StockSocket.DataAsync(node, "amy");
            (await InboxTests.JoinAsync(late, new() { Ack = "handled" })).Waiting.Should().Be(0);
        }

        async Task AcknowledgeAllAsync()
        {
            for (var i = 0; i < Count; i++)
            {
                (await InboxTests.AcknowledgeAsync(two, new() { Through = (await two.NextAsync()).Position })).Error.Should().BeNull();
            }
        }
    }

    [Fact]
    public async Task A_full_inbox_takes_more_on_every_node_when_its_reader_has_acknowledged_on_one()
    {
        await using var pair = await RedisPair.StartAsync(redis, configure: (s, _) => s.Options = o => o.Limits.InboxMessages = 10);
        var application = pair.B.Services.GetRequiredService<IDuplexity>();
        var inbox = await pair.B.Services.GetRequiredService<InboxIndex>().OpenAsync(Address.Client("amy"));

        // How much is in it a node hears behind the append: a few more than ten may be taken before it is full.
        var stored = 0;
        await FluentActions.Awaiting(async () =>
        {
            for (; stored < 1_000; stored++)
            {
                await application.SendAsync(Address.Client("amy"), $"{stored}");
            }
        }).Should().ThrowAsync<DuplexityException>();
        stored.Should().BeGreaterThanOrEqualTo(10);
        await using var amy = await StockSocket.DataAsync(pair.A, "amy");
        await InboxTests.JoinAsync(amy, new() { Ack = "handled" });
        for (var i = 0; i < stored; i++)
        {
            (await InboxTests.AcknowledgeAsync(amy, new() { Through = (await amy.NextAsync()).Position })).Error.Should().BeNull();
        }

        // What the other node has heard, or sees when it looks, it knows.
        await inbox.LookAsync();
        await application.SendAsync(Address.Client("amy"), "one more");
        (await amy.NextAsync()).Text.Should().Be("one more");
    }

    [Fact]
    public async Task Of_two_nodes_that_acknowledge_by_hand_at_once_one_counts_for_each_message_and_the_other_is_told()
    {
        const int Count = 2_000;
        await using var pair = await RedisPair.StartAsync(redis, configure: (s, _) => s.Options = o => o.Times.InboxAgain = TimeSpan.FromHours(1));
        var application = pair.A.Services.GetRequiredService<IDuplexity>();
        await using var one = await StockSocket.DataAsync(pair.A, "amy");
        await using var other = await StockSocket.DataAsync(pair.B, "amy");
        await InboxTests.JoinAsync(one, new() { Ack = "manual" });
        await InboxTests.JoinAsync(other, new() { Ack = "manual" });
        var (accepted, done) = (new ConcurrentDictionary<long, int>(), new TaskCompletionSource());
        var reading = new[] { AcknowledgeAllAsync(one), AcknowledgeAllAsync(other) };
        for (var i = 0; i < Count; i++)
        {
            await application.SendAsync(Address.Client("amy"), $"{i}");
        }

        await done.Task.Soon(TestTimeout.Long);
        await Task.WhenAll(reading).Soon(TestTimeout.Long);

        accepted.Should().HaveCount(Count).And.OnlyContain(a => a.Value == 1);
        await using var late = await StockSocket.DataAsync(pair.B, "amy");
        (await InboxTests.JoinAsync(late, new() { Ack = "manual" })).Waiting.Should().Be(0);

        async Task AcknowledgeAllAsync(StockSocket socket)
        {
            var answers = new List<Task>();
            while (true)
            {
                var next = socket.NextAsync();
                if (await Task.WhenAny(next, done.Task) == done.Task)
                {
                    await Task.WhenAll(answers);
                    return;
                }

                answers.Add(AcknowledgeAsync(socket, await next));
            }
        }

        async Task AcknowledgeAsync(StockSocket socket, DeliveredMessage message)
        {
            var answer = await InboxTests.AcknowledgeAsync(socket, new() { Position = message.Position, Attempt = message.Attempt });
            if (answer.Error is not null)
            {
                answer.Error.Name.Should().Be("taken");
            }
            else if (accepted.AddOrUpdate(message.Position.Offset, 1, (_, n) => n + 1) == 1 && accepted.Count == Count)
            {
                done.TrySetResult();
            }
        }
    }

    [Fact]
    public async Task Who_was_offered_it_on_another_node_is_told_that_it_is_taken_and_any_node_takes_the_acknowledgement()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var ben = await StockSocket.DataAsync(pair.A, "ben");
        await using var one = await StockSocket.DataAsync(pair.A, "amy");
        await using var other = await StockSocket.DataAsync(pair.B, "amy");
        var (toldOne, toldOther) = (one.Hear<WithdrawnEvent>("Withdrawn"), other.Hear<WithdrawnEvent>("Withdrawn"));
        await InboxTests.JoinAsync(one, new() { Ack = "manual" });
        await InboxTests.JoinAsync(other, new() { Ack = "manual" });
        await InboxTests.SendAsync(ben, 2);
        var message = await one.NextAsync();
        (await other.NextAsync()).Position.Should().Be(message.Position);
        var second = await one.NextAsync();
        await other.NextAsync();

        (await InboxTests.AcknowledgeAsync(one, new() { Position = message.Position })).Error.Should().BeNull();
        (await toldOther.ReadAsync().Soon()).Should().BeEquivalentTo(new { message.Position, MessageId = message.Id, Attempt = 1, Reason = "taken" });
        (await InboxTests.AcknowledgeAsync(other, new() { Position = message.Position })).Error!.Name.Should().Be("taken");

        // A node on which nobody reads by hand.
        await using var third = await pair.NodeAsync("c");
        await third.Services.GetRequiredService<IDuplexity>().Inboxes.AcknowledgeAsync(second.Position, "amy");
        foreach (var told in new[] { toldOne, toldOther })
        {
            (await told.ReadAsync().Soon()).Position.Should().Be(second.Position);
        }

        (await InboxTests.JoinAsync(other, new() { Ack = "manual" })).Waiting.Should().Be(0);
    }

    [Fact]
    public async Task What_nobody_acknowledges_is_offered_by_each_attempt_on_both_nodes_and_becomes_one_dead_letter_that_any_node_replays_once()
    {
        const int Attempts = 4;
        await using var pair = await RedisPair.StartAsync(redis, configure: (s, _) => s.Options = o =>
            (o.Times.InboxAgain, o.Times.InboxAgainMost, o.Limits.InboxAttempts) = (TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(100), Attempts));
        await using var ben = await StockSocket.DataAsync(pair.A, "ben");
        await using var one = await StockSocket.DataAsync(pair.A, "amy");
        await using var other = await StockSocket.DataAsync(pair.B, "amy");
        var told = new[] { one.Hear<WithdrawnEvent>("Withdrawn"), other.Hear<WithdrawnEvent>("Withdrawn") };
        await InboxTests.JoinAsync(one, new() { Ack = "manual" });
        await InboxTests.JoinAsync(other, new() { Ack = "manual" });
        await ben.SendAsync("poison", "client:amy");
        foreach (var withdrawn in told)
        {
            (await withdrawn.ReadAsync().Soon()).Should().BeEquivalentTo(new { Attempt = Attempts, Reason = "dead_letter" });
        }

        var letters = await one.InvokeAsync<DeadLettersResponse>("DeadLetters", new DeadLettersRequest());
        var letter = letters.Letters!.Should().ContainSingle().Subject;
        (letter.Message.Text, letter.Attempts).Should().Be(("poison", Attempts));
        (pair.A.Logs.Lines.Count(l => l.Event.Id == 3051) + pair.B.Logs.Lines.Count(l => l.Event.Id == 3051)).Should().Be(1, "one node gave it up");
        foreach (var socket in new[] { one, other })
        {
            var heard = new List<int>();
            while (!heard.Contains(Attempts))
            {
                heard.Add((await socket.NextAsync()).Attempt ?? 1);
            }

            heard.Should().BeInAscendingOrder().And.BeSubsetOf(Enumerable.Range(1, Attempts));
        }

        // What is put back is not to be given up again before it is looked at.
        foreach (var node in new[] { pair.A, pair.B })
        {
            var times = node.Services.GetRequiredService<DuplexityOptions>().Times;
            (times.InboxAgain, times.InboxAgainMost) = (TimeSpan.FromHours(1), TimeSpan.FromHours(1));
        }

        var replays = await Task.WhenAll(new[] { one, other }.Select(s => s.InvokeAsync<ReplayResponse>("Replay", new ReplayRequest { Id = letter.Message.Id })));
        replays.Where(r => r.Error is null).Select(r => r.MessageId).Distinct().Should().ContainSingle();
        var anew = await other.NextAsync();
        while (anew.Id == letter.Message.Id)
        {
            anew = await other.NextAsync();
        }

        (anew.Text, anew.Attempt).Should().Be(("poison", null));
        (await InboxTests.AcknowledgeAsync(one, new() { Position = anew.Position })).Error.Should().BeNull();
        (await InboxTests.JoinAsync(other, new() { Ack = "manual" })).Waiting.Should().Be(0, "it was put back once");
        (await other.InvokeAsync<DeadLettersResponse>("DeadLetters", new DeadLettersRequest())).Letters.Should().BeEmpty();
    }
}
