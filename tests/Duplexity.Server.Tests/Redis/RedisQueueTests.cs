using Duplexity.Server.Tests.Tunnels.Away;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Webhooks that come to one node for a program that comes back at another.</summary>
public sealed class RedisQueueTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    private static readonly Action<TestNodeSetup, string> Quick = (setup, _) =>
    {
        var before = setup.Options;
        setup.Options = options =>
        {
            before?.Invoke(options);
            QueueRig.Quick(options);
        };
    };

    [Fact]
    [Trait("Requirement", "3.7")]
    [Trait("Guarantee", "G7")]
    public async Task What_two_nodes_kept_is_replayed_once_and_in_order_by_the_one_that_has_the_program()
    {
        await using var pair = await RedisPair.StartAsync(redis, configure: Quick);
        await using var app = await HookApp.StartAsync();
        await QueueRig.AwayAsync(pair.A);
        for (var i = 0; i < 10; i++)
        {
            await QueueRig.KeepAsync(i % 2 == 0 ? pair.A : pair.B, $"{i}");
        }

        await using var amy = await pair.B.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept).Soon();

        for (var i = 0; i < 10; i++)
        {
            var hooked = await app.NextAsync();
            (hooked.Body, hooked.Attempt).Should().Be(($"{i}", "1"));
        }

        await Wait.UntilAsync(() => amy.Pipes.Queues.ListAsync(), all => all.Single().Waiting == 0);
        (await Wait.UntilAsync(() => QueueRig.StatusAsync(QueueRig.PostAsync(pair.A, "live")), s => s != 202)).Should().Be(200);
        await Wait.UntilAsync(() => app.NextAsync(), h => h.Replayed is null);
        app.HasNothing.Should().BeTrue();
    }

    [Fact]
    [Trait("Requirement", "2.11")]
    [Trait("Guarantee", "G7")]
    public async Task A_queue_under_a_wildcard_goes_before_it_at_the_other_node_too_and_from_its_first_request_on()
    {
        await using var pair = await RedisPair.StartAsync(redis, configure: Quick);
        await using var app = await HookApp.StartAsync();
        await using var amy = await pair.A.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("*.shop", $"127.0.0.1:{app.Port}").Soon();
        (await QueueRig.StatusAsync(QueueRig.PostAsync(pair.B, "x", name: "a.shop"))).Should().Be(200);

        await QueueRig.AwayAsync(pair.A, name: "a.shop.localhost");

        await QueueRig.KeepAsync(pair.B, "kept", name: "a.shop");
    }

    [Fact]
    public async Task An_answer_finds_the_visitor_at_another_node()
    {
        await using var pair = await RedisPair.StartAsync(redis, configure: Quick);
        await using var amy = await pair.A.ConnectAsync("amy");
        await using var ben = await pair.B.ConnectAsync("ben");
        await using var room = await ben.JoinAsync("orders").Soon();
        using var heard = new Heard(room);
        await amy.Pipes.OpenAsync("ask", "room:orders", new PipeOptions { Reply = TimeSpan.FromSeconds(30) }).Soon();

        var visit = QueueRig.PostAsync(pair.A, "tea?", name: "ask");
        await (await heard.NextAsync()).ReplyAsync("3");

        using var answer = await visit.Soon();
        (await answer.Content.ReadAsStringAsync()).Should().Be("3");
    }
}
