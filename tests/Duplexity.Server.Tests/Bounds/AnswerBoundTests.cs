using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Hubs;
using Duplexity.Server.Tests.Api;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Bounds;

/// <summary>What answers cost the node that nobody reads (G24).</summary>
[Trait("Guarantee", "G24")]
public sealed class AnswerBoundTests
{
    /// <summary>As many as a connection may ask at once.</summary>
    private const int Asked = 64;

    /// <summary>Four pages, and what the kernels of both sides take.</summary>
    private const int MostRead = 24;

    [Fact]
    public async Task Who_asks_for_pages_and_does_not_read_them_costs_a_few_of_them_and_gets_all_when_it_reads()
    {
        var read = 0;
        await using var node = await TestNode.StartAsync(s => s.Builder = b => b.AddGate(Step.Entry, "room:long", c =>
        {
            if (c.Operation == Operation.Receive)
            {
                Interlocked.Increment(ref read);
            }

            return new(GateResult.Pass);
        }));
        await using var neighbours = await Neighbours.StartAsync(node);
        await using var ben = await StockSocket.DataAsync(node, "ben");
        for (var i = 0; i < 16; i++)
        {
            (await ben.SendAsync(new string('x', 60_000), "room:long")).Error.Should().BeNull();
        }

        await using var deaf = await RawHub.ConnectAsync(node, "data", node.Token("amy"), receiveBuffer: 16 * 1024);
        await deaf.EventAsync("Welcome");
        for (var i = 0; i < Asked; i++)
        {
            await deaf.InvokeAsync("History", new { channel = "room:long", limit = 1000 });
        }

        await neighbours.AreServedWhileAsync(async () => (await ben.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:other" })).Error.Should().BeNull());
        (await Wait.UntilAsync(() => Task.FromResult(Volatile.Read(ref read)), r => r >= 4)).Should().BeLessThanOrEqualTo(MostRead);

        for (var answers = 0; answers < Asked;)
        {
            var message = (await deaf.ReadAsync())!.Value;
            if (message.TryGetProperty("result", out var page))
            {
                page.TryGetProperty("error", out _).Should().BeFalse();
                page.GetProperty("messages").GetArrayLength().Should().Be(16);
                answers++;
            }
        }

        read.Should().Be(Asked);
    }

    [Fact]
    public async Task Bodies_and_pages_by_HTTP_are_a_tenth_of_the_nodes_for_one_client_and_all_of_it_for_all()
    {
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var entered = new SemaphoreSlim(0);
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Options = o => (o.Limits.ApiBytes, o.Times.Gate) = (20 * 1024 * 1024, TestTimeout.Long);
            s.Builder = b => b.AddGate(Step.Entry, "room:slow", async c =>
            {
                entered.Release();
                await open.Task;
                return GateResult.Pass;
            });
        });
        await using var neighbours = await Neighbours.StartAsync(node);
        var api = new ApiUnderTest(node);
        Task<ApiAnswer> PageAsync(string client, string room) => api.GetAsync($"channels/room:{room}/messages", client);
        Task<ApiAnswer> SendAsync(string client) => api.PostAsync("messages", client, """{"to":"room:x","text":"x"}""");
        var held = new List<Task<ApiAnswer>>();
        async Task HoldAsync(string client)
        {
            for (var i = 0; i < 2; i++)
            {
                held.Add(PageAsync(client, "slow"));
                await entered.WaitAsync().Soon();
            }
        }

        await HoldAsync("amy");
        var (page, body, other) = (await PageAsync("amy", "x"), await SendAsync("amy"), await PageAsync("ben", "x"));
        for (var i = 1; i < 10; i++)
        {
            await HoldAsync($"amy-{i}");
        }

        var full = await SendAsync("ben");
        await neighbours.AreServedWhileAsync(async () => (await SendAsync("ben")).Status.Should().Be(HttpStatusCode.ServiceUnavailable));
        open.SetResult();
        var done = await Task.WhenAll(held);

        foreach (var refused in (ApiAnswer[])[page, body])
        {
            refused.Status.Should().Be(HttpStatusCode.TooManyRequests);
            refused.Read<Done>().Error.Should().BeEquivalentTo(new { Name = "rate_limited", Limit = "api_bytes_per_client", Used = 2_097_152L });
            refused.Headers.RetryAfter!.Delta.Should().Be(TimeSpan.FromSeconds(1));
        }

        (other.Status, full.Status, full.Headers.RetryAfter!.Delta).Should().Be((HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(1)));
        full.Read<Done>().Error!.Limit.Should().Be("api_bytes");
        done.Should().OnlyContain(a => a.Status == HttpStatusCode.OK);
        (await SendAsync("amy")).Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_page_is_read_when_one_before_it_is_taken_or_failed()
    {
        var line = new AnswerLine(2);
        var read = 0;
        var first = await line.AnswerAsync(Read, default);
        var failed = line.AnswerAsync<Done>(() => throw new InvalidOperationException("No disk."), default);
        await failed.Invoking(f => f).Should().ThrowAsync<InvalidOperationException>();
        await line.AnswerAsync(Read, default);
        using var gone = new CancellationTokenSource();
        var left = line.AnswerAsync(Read, gone.Token);
        var third = line.AnswerAsync(Read, default);

        await gone.CancelAsync();
        await left.Invoking(l => l).Should().ThrowAsync<OperationCanceledException>();
        line.Taken(new Done());
        (third.IsCompleted, read).Should().Be((false, 2));
        line.Taken(first);
        line.Taken(first);
        await third.Soon();

        read.Should().Be(3);
        line.AnswerAsync(Read, default).IsCompleted.Should().BeFalse("what is taken twice makes room once");

        Task<Done> Read()
        {
            read++;
            return Task.FromResult(new Done());
        }
    }
}
