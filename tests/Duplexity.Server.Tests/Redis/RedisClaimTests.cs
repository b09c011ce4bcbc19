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

/// <summary>Work that must run once, whose workers are on several nodes.</summary>
[Trait("Guarantee", "G22")]
public sealed class RedisClaimTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    public async Task Each_message_is_one_sockets_of_all_nodes_and_what_is_given_back_goes_to_another_nodes()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var ben = await StockSocket.DataAsync(pair.A, "ben");
        await using var one = await StockSocket.DataAsync(pair.A, "amy");
        await using var two = await StockSocket.DataAsync(pair.B, "amy");
        await ClaimTests.ClaimAsync(one);
        await ClaimTests.ClaimAsync(two);
        await InboxTests.SendAsync(ben, 2);

        var (first, second) = (await one.NextAsync(), await two.NextAsync());
        new[] { first.Text, second.Text }.Should().BeEquivalentTo("1", "2");
        (await ClaimTests.AcknowledgeAsync(two, first)).Error!.Name.Should().Be("stale_attempt", "it was offered to another socket");
        (await ClaimTests.AcknowledgeAsync(two, second)).Error.Should().BeNull();
        (await ClaimTests.ReturnAsync(one, first, afterMs: 3_600_000)).Error.Should().BeNull();
        await InboxTests.SendAsync(ben, 1);
        var third = await Task.WhenAny(one.NextAsync(), two.NextAsync()).Unwrap().Soon();
        third.Text.Should().Be("1", "the one that was given back waits");
        third.Id.Should().NotBe(first.Id);
    }

    [Fact]
    public async Task What_is_given_back_on_one_node_where_nobody_claims_any_more_comes_to_the_other()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var ben = await StockSocket.DataAsync(pair.A, "ben");
        await using var one = await StockSocket.DataAsync(pair.A, "amy");
        await using var two = await StockSocket.DataAsync(pair.B, "amy");
        await ClaimTests.ClaimAsync(one);
        await InboxTests.SendAsync(ben, 1);
        var first = await one.NextAsync();
        await ClaimTests.ClaimAsync(two);
        await one.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = "client:amy" });

        (await ClaimTests.ReturnAsync(one, first, afterMs: 0)).Error.Should().BeNull();

        var again = await two.NextAsync();
        (again.Id, again.Attempt).Should().Be((first.Id, 2));
        (await ClaimTests.AcknowledgeAsync(one, first)).Error!.Name.Should().Be("stale_attempt");
        (await ClaimTests.AcknowledgeAsync(two, again)).Error.Should().BeNull();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Of_workers_on_two_nodes_that_return_lose_and_acknowledge_at_random_one_acknowledgement_of_each_message_counts(int seed)
    {
        const int Messages = 150;
        await using var pair = await RedisPair.StartAsync(redis, configure: (s, _) => s.Options = o => (o.Times.InboxClaim, o.Times.InboxAgain, o.Limits.InboxAttempts) = (TimeSpan.FromSeconds(2), TimeSpan.FromMilliseconds(200), 1_000));
        await using var ben = await StockSocket.DataAsync(pair.A, "ben");
        var (accepted, attempts, done) = (new ConcurrentDictionary<string, int>(), new ConcurrentDictionary<(string, int), bool>(), new TaskCompletionSource());
        var workers = Enumerable.Range(0, 6).Select(i => WorkAsync(i % 2 == 0 ? pair.A : pair.B, new Random((seed * 100) + i))).ToArray();
        for (var i = 0; i < Messages; i++)
        {
            await ben.SendAsync($"{i}", "client:amy");
        }

        await done.Task.Soon(TestTimeout.Long);
        await Task.WhenAll(workers).Soon(TestTimeout.Long);

        accepted.Should().HaveCount(Messages).And.OnlyContain(a => a.Value == 1);
        foreach (var node in new[] { pair.A, pair.B })
        {
            await using var late = await StockSocket.DataAsync(node, "amy");
            (await ClaimTests.ClaimAsync(late)).Waiting.Should().Be(0);
        }

        async Task WorkAsync(TestNode node, Random random)
        {
            while (!done.Task.IsCompleted)
            {
                await using var socket = await StockSocket.DataAsync(node, "amy");
                await ClaimTests.ClaimAsync(socket, hands: random.Next(1, 4));
                for (var left = random.Next(10, 60); left > 0 && !done.Task.IsCompleted; left--)
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
                        await ClaimTests.ReturnAsync(socket, message, afterMs: 0);
                    }
                    else if (random.Next(20) > 0 && (await ClaimTests.AcknowledgeAsync(socket, message)).Error is null && accepted.AddOrUpdate(message.Id, 1, (_, n) => n + 1) == 1 && accepted.Count == Messages)
                    {
                        done.TrySetResult();
                    }
                }
            }
        }
    }

    [Fact]
    [Trait("Guarantee", "G16")]
    [Trait("Guarantee", "G17")]
    public async Task What_a_dead_node_had_claimed_goes_to_another_one_by_the_next_attempt_and_the_dead_ones_acknowledges_nothing()
    {
        await using var line = new FaultProxy(redis.Server.Port);
        await using var pair = await RedisPair.StartAsync(redis, line.Connection, (s, _) =>
        {
            (s.Settings["Duplexity:Redis:Lease"], s.Settings["Duplexity:Redis:Renewal"], s.Settings["Duplexity:Redis:Timeout"]) = ("00:00:04", "00:00:00.2", "00:00:01");
            s.Options = o => (o.Times.InboxClaim, o.Times.InboxAgain) = (TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(1));
        });
        await using var ben = await StockSocket.DataAsync(pair.A, "ben");
        await using var two = await StockSocket.DataAsync(pair.B, "amy");
        await ClaimTests.ClaimAsync(two, hands: 2);
        await InboxTests.SendAsync(ben, 2);
        var (first, second) = (await two.NextAsync(), await two.NextAsync());
        (await ClaimTests.AcknowledgeAsync(two, first)).Error.Should().BeNull();
        await using var one = await StockSocket.DataAsync(pair.A, "amy");
        await ClaimTests.ClaimAsync(one, hands: 2);

        // Before the engine is known to be away.
        pair.B.Logs.Expect(l => l.Exception is DuplexityException { Error.Code: 400 or 401 });
        await line.DisposeAsync();
        var again = await one.NextAsync().Soon(TestTimeout.Long);

        (again.Id, again.Attempt).Should().Be((second.Id, 2), "what was acknowledged before does not come again");
        (await ClaimTests.AcknowledgeAsync(two, second)).Error!.Name.Should().Be("unavailable", "its node's lease is over");
        (await ClaimTests.AcknowledgeAsync(one, again)).Error.Should().BeNull();
        (await ClaimTests.ClaimAsync(one)).Waiting.Should().Be(0);
    }

    [Fact]
    public async Task While_one_node_claims_the_other_does_not_read_in_another_way()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var one = await StockSocket.DataAsync(pair.A, "amy");
        await using var two = await StockSocket.DataAsync(pair.B, "amy");
        await ClaimTests.ClaimAsync(one);

        (await two.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:amy", Ack = "manual" })).Error!.Code.Should().Be(102);
        (await InboxTests.AcknowledgeAsync(two, new() { Through = Position.Start })).Error!.Code.Should().Be(102);
        (await two.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:amy", Ack = "manual", Reader = "own" })).Error.Should().BeNull();
        (await one.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:amy", Ack = "claim", Reader = "own" })).Error!.Code.Should().Be(102);
        await one.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = "client:amy" });
        await pair.A.Services.GetRequiredService<InboxIndex>().StopAsync(default);
        (await two.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:amy", Ack = "manual" })).Error.Should().BeNull("nobody claims any more");
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    [Trait("Guarantee", "G18")]
    public async Task Of_the_inbox_of_a_client_that_one_node_removes_no_node_writes_anything_any_more()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var ben = await StockSocket.DataAsync(pair.A, "ben");
        await using var one = await StockSocket.DataAsync(pair.A, "amy");
        await using var two = await StockSocket.DataAsync(pair.B, "amy");
        await ClaimTests.ClaimAsync(one);
        await ClaimTests.ClaimAsync(two);
        await InboxTests.SendAsync(ben, 3);
        await one.NextAsync();
        await two.NextAsync();
        var (records, index) = (pair.B.Services.GetRequiredService<IEngine>().Records, pair.B.Services.GetRequiredService<InboxIndex>());
        var inbox = index.Find(Address.Client("amy"))!;
        (await records.ReadAsync(ReaderRecord.Kind, "amy")).Should().NotBeNull();

        await pair.A.Services.GetRequiredService<IDuplexity>().RemoveAsync("amy");
        await two.Disconnected;
        await inbox.KeepAsync();
        index.Changed(inbox);
        await index.StopAsync(default);

        (await records.ReadAsync(ReaderRecord.Kind, "amy")).Should().BeNull();
        (await records.ListAsync("dead-letter:amy")).Should().BeEmpty();
    }
}
