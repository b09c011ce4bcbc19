using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Inboxes;

/// <summary>Work that must run once: one socket at a time has a message, for a lease, and its attempt is a fencing token.</summary>
public sealed class ClaimTests
{
    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task Each_message_is_one_sockets_and_its_acknowledgement_counts_from_there_alone()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var one = await StockSocket.DataAsync(node, "amy");
        await using var two = await StockSocket.DataAsync(node, "amy", json: true);
        (await ClaimAsync(one)).LeaseMs.Should().Be(30_000);
        await ClaimAsync(two);
        await InboxTests.SendAsync(ben, 3);

        var (first, second) = (await one.NextAsync(), await two.NextAsync());

        new[] { first.Text, second.Text }.Should().BeEquivalentTo("1", "2");
        (first.Attempt, second.Attempt).Should().Be((1, 1));
        (await AcknowledgeAsync(two, first)).Error!.Name.Should().Be("stale_attempt", "it was offered to another socket");
        (await AcknowledgeAsync(one, first with { Attempt = 2 })).Error!.Name.Should().Be("stale_attempt");
        (await AcknowledgeAsync(one, first with { Attempt = null })).Error!.Name.Should().Be("stale_attempt", "a claim is acknowledged by its attempt");
        await one.SettleAsync(ben);
        (one.HasNothing, two.HasNothing).Should().Be((true, true), "both have their hands full");
        (await AcknowledgeAsync(one, first)).Error.Should().BeNull();
        (await one.NextAsync()).Text.Should().Be("3");
        (await AcknowledgeAsync(one, first)).Error!.Name.Should().Be("taken");
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task An_expired_claims_late_acknowledgement_is_refused_and_the_second_attempts_counts()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => s.Time = time);
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var one = await StockSocket.DataAsync(node, "amy");
        await using var two = await StockSocket.DataAsync(node, "amy");
        var withdrawn = one.Hear<WithdrawnEvent>("Withdrawn");
        await ClaimAsync(one);
        await InboxTests.SendAsync(ben, 1);
        var first = await one.NextAsync();
        time.Advance(TimeSpan.FromSeconds(20));
        (await RenewAsync(one, first)).LeaseMs.Should().Be(30_000);
        time.Advance(TimeSpan.FromSeconds(20));
        (await RenewAsync(two, first)).Error!.Name.Should().Be("stale_attempt");
        await ClaimAsync(two, hands: 2);
        await two.SettleAsync(ben);
        two.HasNothing.Should().BeTrue("the lease was renewed");

        time.Advance(TimeSpan.FromSeconds(11));

        var second = await two.NextAsync();
        (second.Id, second.Attempt).Should().Be((first.Id, 2));
        (await withdrawn.ReadAsync().Soon()).Should().BeEquivalentTo(new { first.Position, MessageId = first.Id, Attempt = 1, Reason = "expired" });
        (await AcknowledgeAsync(one, first)).Error!.Name.Should().Be("stale_attempt");
        (await RenewAsync(one, first)).Error!.Name.Should().Be("stale_attempt");
        (await AcknowledgeAsync(two, second)).Error.Should().BeNull();
        (await InboxTests.JoinAsync(two, new() { Ack = "claim" })).Waiting.Should().Be(0);
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task A_socket_that_goes_keeps_its_claim_until_the_lease_ends_for_its_program_may_be_at_it_still()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => s.Time = time);
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var two = await StockSocket.DataAsync(node, "amy");
        DeliveredMessage first;
        await using (var one = await StockSocket.DataAsync(node, "amy"))
        {
            await ClaimAsync(one);
            await InboxTests.SendAsync(ben, 1);
            first = await one.NextAsync();
            await one.LeaveAsync(node);
        }

        await ClaimAsync(two);
        await two.SettleAsync(ben);
        two.HasNothing.Should().BeTrue();
        (await two.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:amy" })).Error!.Code.Should().Be(102, "to read it in another way would settle what is claimed");
        time.Advance(TimeSpan.FromSeconds(31));
        (await two.NextAsync()).Should().BeEquivalentTo(new { first.Id, Attempt = 2 });
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task What_is_given_back_comes_again_after_its_pause_and_after_the_last_attempt_is_a_dead_letter()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => (s.Time, s.Options) = (time, o => o.Limits.InboxAttempts = 3));
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var amy = await StockSocket.DataAsync(node, "amy");
        var withdrawn = amy.Hear<WithdrawnEvent>("Withdrawn");
        await ClaimAsync(amy);
        await ben.SendAsync("poison", "client:amy");
        await ben.SendAsync("good", "client:amy");

        var poison = await amy.NextAsync();
        (await ReturnAsync(amy, poison)).Error.Should().BeNull();
        var good = await amy.NextAsync();
        good.Text.Should().Be("good", "while the other one waits, the hand is free");
        await AcknowledgeAsync(amy, good);
        await amy.SettleAsync(ben);
        amy.HasNothing.Should().BeTrue("it waits 10 s");
        time.Advance(TimeSpan.FromSeconds(11));
        var again = await amy.NextAsync();
        (await ReturnAsync(amy, again, afterMs: 0)).Error.Should().BeNull();
        var last = await amy.NextAsync();
        (poison.Attempt, again.Attempt, last.Attempt).Should().Be((1, 2, 3));
        (await ReturnAsync(amy, again)).Error!.Name.Should().Be("stale_attempt");
        (await ReturnAsync(amy, last)).Error.Should().BeNull();
        time.Advance(TimeSpan.FromMilliseconds(1));
        await node.Logs.WaitForAsync("the dead letter", l => l.Event.Id == 3051);

        var letter = (await amy.InvokeAsync<DeadLettersResponse>("DeadLetters", new DeadLettersRequest())).Letters!.Single();
        (letter.Message.Id, letter.Attempts).Should().Be((poison.Id, 3));
        withdrawn.Count.Should().Be(0, "who gave it back needs not be told");
        (await ben.InvokeAsync<Done>("Discard", new DiscardRequest { Id = poison.Id })).Error!.Code.Should().Be(110);
        (await amy.InvokeAsync<Done>("Discard", new DiscardRequest { Id = poison.Id })).Error.Should().BeNull();
        (await amy.InvokeAsync<Done>("Discard", new DiscardRequest { Id = poison.Id })).Error!.Code.Should().Be(110);
        (await amy.InvokeAsync<DeadLettersResponse>("DeadLetters", new DeadLettersRequest())).Letters.Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G17")]
    [Trait("Guarantee", "G22")]
    public async Task Attempts_never_go_back_and_what_is_done_stays_done_over_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-claims-");
        Action<TestNodeSetup> Lease(TimeSpan lease) => setup =>
        {
            setup.Settings["Duplexity:Data"] = folder.FullName;
            setup.Options = o => o.Times.InboxClaim = lease;
        };

        try
        {
            await using (var node = await TestNode.StartAsync(Lease(TimeSpan.FromHours(1))))
            {
                await using var ben = await StockSocket.DataAsync(node, "ben");
                await using var amy = await StockSocket.DataAsync(node, "amy");
                await InboxTests.SendAsync(ben, 3);
                await ClaimAsync(amy, hands: 3);
                var messages = new[] { await amy.NextAsync(), await amy.NextAsync(), await amy.NextAsync() };
                (await AcknowledgeAsync(amy, messages[1])).Error.Should().BeNull();
                (await AcknowledgeAsync(amy, messages[2])).Error.Should().BeNull();
            }

            await using var next = await TestNode.StartAsync(Lease(TimeSpan.FromMilliseconds(300)));
            await using var cleo = await StockSocket.DataAsync(next, "cleo");
            await using var back = await StockSocket.DataAsync(next, "amy");
            await ClaimAsync(back, hands: 3);
            await cleo.SendAsync("4", "client:amy");
            var heard = new List<DeliveredMessage>();
            while (heard.DistinctBy(m => m.Text).Count() < 2)
            {
                heard.Add(await back.NextAsync());
            }

            heard.Select(m => m.Text).Should().BeSubsetOf(["1", "4"]);
            heard.First(m => m.Text == "1").Attempt.Should().BeGreaterThan(1, "the attempt is a fencing token");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Trait("Guarantee", "G22")]
    public async Task Of_many_workers_that_return_lose_and_acknowledge_at_random_one_acknowledgement_of_each_message_counts(int seed)
    {
        const int Messages = 200;
        await using var node = await TestNode.StartAsync(s => s.Options = o => (o.Times.InboxClaim, o.Limits.InboxAttempts) = (TimeSpan.FromMilliseconds(200), 1_000));
        await using var ben = await StockSocket.DataAsync(node, "ben");
        var (accepted, attempts, done) = (new ConcurrentDictionary<string, int>(), new ConcurrentDictionary<(string, int), bool>(), new TaskCompletionSource());
        var workers = Enumerable.Range(0, 6).Select(i => WorkAsync(new Random((seed * 100) + i))).ToArray();
        for (var i = 0; i < Messages; i++)
        {
            await ben.SendAsync($"{i}", "client:amy");
        }

        await done.Task.Soon(TestTimeout.Long);
        await Task.WhenAll(workers).Soon(TestTimeout.Long);

        accepted.Should().HaveCount(Messages).And.OnlyContain(a => a.Value == 1);
        await using var late = await StockSocket.DataAsync(node, "amy");
        (await ClaimAsync(late)).Waiting.Should().Be(0);

        async Task WorkAsync(Random random)
        {
            while (!done.Task.IsCompleted)
            {
                await using var socket = await StockSocket.DataAsync(node, "amy", json: random.Next(2) == 0);
                await ClaimAsync(socket, hands: random.Next(1, 4));
                for (var left = random.Next(5, 40); left > 0 && !done.Task.IsCompleted; left--)
                {
                    var next = socket.NextAsync();
                    if (await Task.WhenAny(next, done.Task) == done.Task)
                    {
                        return;
                    }

                    var message = await next;
                    attempts.TryAdd((message.Id, message.Attempt!.Value), true).Should().BeTrue("nobody else is offered it by the same attempt");
                    if (random.Next(4) == 0)
                    {
                        await ReturnAsync(socket, message, afterMs: 0);
                    }
                    else if (random.Next(10) > 0 && (await AcknowledgeAsync(socket, message)).Error is null && accepted.AddOrUpdate(message.Id, 1, (_, n) => n + 1) == 1 && accepted.Count == Messages)
                    {
                        done.TrySetResult();
                    }
                }
            }
        }
    }

    [Fact]
    public async Task A_worker_gets_its_claim_also_where_it_sent_the_message_or_has_seen_a_copy()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await amy.JoinAsync("room:lobby");
        await ClaimAsync(amy, hands: 4);

        await ben.SendAsync("room first", "room:lobby", "client:amy");
        await ben.SendAsync("inbox first", "client:amy", "room:lobby");
        await amy.SendAsync("to myself", "client:amy");

        var heard = new List<(string?, string)>();
        for (var i = 0; i < 5; i++)
        {
            var message = await amy.NextAsync();
            heard.Add((message.Text, message.Channel));
        }

        heard.Should().BeEquivalentTo([("room first", "room:lobby"), ("room first", "client:amy"), ("inbox first", "client:amy"), ("inbox first", "room:lobby"), ("to myself", "client:amy")]);
    }

    [Fact]
    public async Task What_cannot_be_meant_is_refused()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var other = await StockSocket.DataAsync(node, "amy");
        await ClaimAsync(other);
        foreach (var request in new JoinRequest[] { new() { Ack = "claim", Hands = 0 }, new() { Ack = "claim", Hands = 257 }, new() { Ack = "manual", Hands = 1, Reader = "own" }, new() { Ack = "claim", Since = Position.Start, Reader = "own" }, new() { Ack = "manual" }, new() })
        {
            (await amy.InvokeAsync<JoinResponse>("Join", request with { Channel = "client:amy" })).Error!.Code.Should().Be(102, "{0}", request);
        }

        await InboxTests.JoinAsync(amy, new() { Ack = "manual", Reader = "own" });
        (await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:amy", Reader = "own", Ack = "claim" })).Error.Should().BeNull("nobody else reads as this reader");
        (await InboxTests.AcknowledgeAsync(other, new() { Through = Position.Start })).Error!.Code.Should().Be(102);
        (await amy.InvokeAsync<RenewClaimResponse>("RenewClaim", new RenewClaimRequest { Channel = "client:amy", Attempt = 1 })).Error!.Code.Should().Be(102);
        (await amy.InvokeAsync<RenewClaimResponse>("RenewClaim", new RenewClaimRequest { Channel = "client:ben", Position = Position.Start, Attempt = 1 })).Error!.Code.Should().Be(203);
        (await amy.InvokeAsync<Done>("ReturnClaim", new ReturnClaimRequest { Channel = "client:amy", Position = new(7, "x"), Attempt = 1 })).Error!.Code.Should().Be(110);
        (await amy.InvokeAsync<Done>("ReturnClaim", new ReturnClaimRequest { Channel = "client:amy", Position = new(7, "x"), Attempt = 1, AfterMs = -1 })).Error!.Code.Should().Be(102);
    }

    internal static Task<JoinResponse> ClaimAsync(StockSocket socket, int? hands = null) => InboxTests.JoinAsync(socket, new() { Ack = "claim", Hands = hands });

    internal static Task<Done> AcknowledgeAsync(StockSocket socket, DeliveredMessage message) =>
        InboxTests.AcknowledgeAsync(socket, new() { Position = message.Position, Attempt = message.Attempt });

    private static Task<RenewClaimResponse> RenewAsync(StockSocket socket, DeliveredMessage message) =>
        socket.InvokeAsync<RenewClaimResponse>("RenewClaim", new RenewClaimRequest { Channel = "client:amy", Position = message.Position, Attempt = message.Attempt });

    internal static Task<Done> ReturnAsync(StockSocket socket, DeliveredMessage message, long? afterMs = null) =>
        socket.InvokeAsync<Done>("ReturnClaim", new ReturnClaimRequest { Channel = "client:amy", Position = message.Position, Attempt = message.Attempt, AfterMs = afterMs });
}
