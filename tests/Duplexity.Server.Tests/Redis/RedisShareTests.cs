using Duplexity.Server.Sockets;
using Duplexity.Server.Tests.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Shared names and private pipes over two nodes.</summary>
[Trait("Requirement", "2.11")]
public sealed class RedisShareTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    [Trait("Requirement", "3.6")]
    [Trait("Guarantee", "G7")]
    public async Task Programs_at_two_nodes_share_a_name_at_both_and_one_that_goes_is_missed_by_nobody()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var one = RawServer.Named("one");
        await using var two = RawServer.Named("two");
        await using var atA = await pair.A.ConnectAsync("amy");
        await using var atB = await pair.B.ConnectAsync("amy");
        var first = await atA.Pipes.OpenAsync("cat1", $"127.0.0.1:{one.Port}", new PipeOptions { Share = true }).Soon();
        var second = await atB.Pipes.OpenAsync("cat1", $"127.0.0.1:{two.Port}", new PipeOptions { Share = true }).Soon();

        foreach (var node in (TestNode[])[pair.A, pair.B])
        {
            string[] answers = [await TextAsync(node), await TextAsync(node)];
            answers.Should().BeEquivalentTo("one", "two");
        }

        (await atA.Pipes.ListAsync().Soon()).Select(p => (p.Name, p.Node, p.State)).Should().BeEquivalentTo([("cat1.localhost", "a", "serving"), ("cat1.localhost", "b", "serving")]);
        await second.DisposeAsync().AsTask().Soon();
        for (var i = 0; i < 10; i++)
        {
            (await TextAsync(pair.A)).Should().Be("one");
            (await TextAsync(pair.B)).Should().Be("one");
        }

        first.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact]
    [Trait("Requirement", "3.6")]
    [Trait("Guarantee", "G7")]
    public async Task What_both_nodes_keep_of_both_programs_is_listed_and_replayed_at_any()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var one = RawServer.Named("one");
        await using var two = RawServer.Named("two");
        await using var atA = await pair.A.ConnectAsync("amy");
        await using var atB = await pair.B.ConnectAsync("amy");
        var shared = new PipeOptions { Share = true, Inspect = true };
        await using var first = await atA.Pipes.OpenAsync("cat1", $"127.0.0.1:{one.Port}", shared).Soon();
        await using var second = await atB.Pipes.OpenAsync("cat1", $"127.0.0.1:{two.Port}", shared).Soon();
        await using var kept = atA.Pipes.WatchExchangesAsync("cat1", 100).GetAsyncEnumerator();
        foreach (var node in (TestNode[])[pair.A, pair.A, pair.B, pair.B])
        {
            await TextAsync(node);
            (await kept.MoveNextAsync().Soon()).Should().BeTrue();
        }

        var all = await atA.Pipes.ExchangesAsync("cat1").Soon();
        all.Should().HaveCount(4);
        all.Select(e => (e.Session, e.Id.Split('-')[1])).Should().OnlyHaveUniqueItems("each program was visited at each node");
        foreach (var exchange in all)
        {
            var had = (await atB.Pipes.ReadExchangeAsync("cat1", exchange.Id).Soon())!;
            var again = await atB.Pipes.ReplayedAsync("cat1", await atB.Pipes.ReplayAsync("cat1", exchange.Id).Soon()).Soon();
            (again.Exchange.Session, again.Response.Body).Should().BeEquivalentTo((exchange.Session, had.Response.Body));
        }
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_private_pipe_is_dialled_at_the_other_node_until_whoever_dials_is_revoked_at_any()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.SendAsync("x");
            await c.ReadAllAsync();
        });
        await using var amy = await pair.A.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true, Visitors = ["client:ben"] }).Soon();
        await using var ben = await pair.B.ConnectAsync("ben");
        await using var stream = await ben.Pipes.DialAsync("amy/db").Soon();
        var one = new byte[1];
        (await stream.ReadAsync(one).Soon()).Should().Be(1);

        await pair.A.Services.GetRequiredService<Revocations>().RevokeClientAsync("ben", null, CancellationToken.None).Soon();

        await FluentActions.Awaiting(() => stream.ReadAsync(one).AsTask().Soon()).Should().ThrowAsync<IOException>();
    }

    private static async Task<string> TextAsync(TestNode node)
    {
        using var answer = await node.VisitAsync("cat1");
        return await answer.Content.ReadAsStringAsync();
    }
}
