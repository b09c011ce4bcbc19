using System.Net;
using Duplexity.Server.Tests.Tunnels;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>A pipe that is changed at the node of its client, and the visitors whom another node serves.</summary>
[Trait("Requirement", "2.11")]
[Trait("Guarantee", "G7")]
public sealed class RedisChangeTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    private static readonly PipeOptions Closed = new() { Visitors = ["ip:10.0.0.0/8"] };

    [Fact]
    public async Task A_change_is_in_force_at_every_node_when_it_is_answered_and_what_it_does_not_let_is_cut_there()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var resource = Resource();
        var address = $"127.0.0.1:{resource.Port}";
        await using var amy = await pair.B.ConnectAsync("amy");
        var pipe = await amy.Pipes.OpenAsync("cat1", address).Soon();
        for (var i = 0; i < 3; i++)
        {
            await using var open = await OpenAsync(pair.A);
            (await StatusAsync(pair.A)).Should().Be(HttpStatusCode.OK);

            pipe = await pipe.ChangeAsync(address, Closed).Soon();
            (await StatusAsync(pair.A)).Should().Be(HttpStatusCode.Forbidden);
            await EndOf(open);

            pipe = await pipe.ChangeAsync(address).Soon();
            (await StatusAsync(pair.A)).Should().Be(HttpStatusCode.OK);
        }
    }

    [Fact]
    [Trait("Requirement", "3.6")]
    public async Task What_its_rules_still_let_in_goes_on_at_every_node_and_its_carriers_too()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var resource = Resource();
        var address = $"127.0.0.1:{resource.Port}";
        await using var amy = await pair.B.ConnectAsync("amy");
        var pipe = await amy.Pipes.OpenAsync("cat1", address).Soon();
        await using var open = await OpenAsync(pair.A);
        (await StatusAsync(pair.A)).Should().Be(HttpStatusCode.OK);
        var pool = pair.A.Services.GetRequiredService<CarrierPools>().Elsewhere.Single();

        pipe = await pipe.ChangeAsync(address, new PipeOptions { ResponseHeaders = [new() { Name = "X-New", Value = "1" }] }).Soon();
        using var answer = await pair.A.VisitAsync("cat1");

        answer.Headers.GetValues("X-New").Should().Equal("1");
        pair.A.Services.GetRequiredService<CarrierPools>().Elsewhere.Should().Equal(pool);
        pool.IsOver.Should().BeFalse();
        resource.Connections.Should().Be(2);
        await pipe.ChangeAsync(address, Closed).Soon();
        await EndOf(open);
    }

    [Fact]
    public async Task A_front_is_told_of_a_change_and_cuts_what_it_does_not_let()
    {
        await using var all = await RedisFront.StartAsync(redis);
        await using var resource = Resource();
        var address = $"127.0.0.1:{resource.Port}";
        await using var amy = await all.B.ConnectAsync("amy");
        var pipe = await amy.Pipes.OpenAsync("cat1", address).Soon();
        await using var open = await OpenAsync(all.Front);

        await pipe.ChangeAsync(address, Closed).Soon();

        (await StatusAsync(all.Front)).Should().Be(HttpStatusCode.Forbidden);
        await EndOf(open);
    }

    [Fact]
    public async Task A_node_that_was_not_told_finds_out_by_asking_and_cuts_what_the_change_does_not_let_and_nothing_else()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var resource = Resource();
        await using var amy = await pair.B.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}").Soon();
        await using var open = await OpenAsync(pair.A);
        var pools = pair.A.Services.GetRequiredService<CarrierPools>();
        var pool = pools.Elsewhere.Single();
        var confirmations = pair.A.Services.GetServices<IHostedService>().OfType<CarrierConfirmations>().Single();

        // Behind the back of all that tells.
        var registry = pair.B.Services.GetRequiredService<Server.Engine.IEngine>().Registry;
        var changed = pool.Entry with { Revision = pool.Entry.Revision + 1, Settings = pool.Entry.Settings with { HeaderTimeoutMs = 60_000 } };
        await registry.RegisterAsync([changed]);
        await confirmations.RoundAsync(default);
        pools.Elsewhere.Should().Equal(pool);
        pool.Entry.Settings.HeaderTimeoutMs.Should().Be(60_000);
        (await StatusAsync(pair.A)).Should().Be(HttpStatusCode.OK);

        await registry.RegisterAsync([changed with { Revision = changed.Revision + 1, Settings = changed.Settings with { Visitors = "ip:10.0.0.0/8" } }]);
        await confirmations.RoundAsync(default);
        await EndOf(open);
        (await StatusAsync(pair.A)).Should().Be(HttpStatusCode.Forbidden);
    }

    private static RawServer Resource() => new(async (connection, _) =>
    {
        while (await connection.ReadHeadAsync() is { Length: > 0 } head)
        {
            // What is open never ends by itself.
            await connection.SendAsync(head.StartsWith("GET /open", StringComparison.Ordinal) ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegin" : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });

    private static async Task<HttpStatusCode> StatusAsync(TestNode node)
    {
        using var answer = await node.VisitAsync("cat1").Soon();
        await answer.Content.ReadAsByteArrayAsync(); // the next one comes on the same connection
        return answer.StatusCode;
    }

    private static async Task<Stream> OpenAsync(TestNode node)
    {
        var answer = await node.VisitAsync("cat1", "/open").Soon();
        var body = await answer.Content.ReadAsStreamAsync();
        await body.ReadExactlyAsync(new byte[5]).AsTask().Soon();
        return body;
    }

    private static async Task EndOf(Stream body) => await FluentActions.Awaiting(() => body.ReadAsync(new byte[1]).AsTask().Soon()).Should().ThrowAsync<IOException>();
}
