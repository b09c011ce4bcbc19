using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Tests.Tunnels;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Public pipes whose visitors are at one node and whose clients are at another.</summary>
[Trait("Requirement", "2.11")]
public sealed class RedisTunnelTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    [Trait("Requirement", "2.23")]
    [Trait("Requirement", "2.32")]
    public async Task Visitors_of_one_node_are_served_by_a_client_of_another_by_way_of_neither()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var resource = Resource("one");
        await using var amy = await pair.B.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");

        for (var i = 0; i < 100; i++)
        {
            (await TextAsync(pair.A, $"/{i}")).Should().Be($"one /{i}");
        }

        Load(pair.B).Should().NotContainKey("none").And.Contain("forwarded", 1, "the carrier came by the client's own address, and was handed on");
        pair.A.Services.GetRequiredService<CarrierPools>().Elsewhere.Should().ContainSingle();
        pair.B.Services.GetRequiredService<CarrierPools>().Elsewhere.Should().BeEmpty();
    }

    [Fact]
    [Trait("Requirement", "2.12")]
    [Trait("Guarantee", "G7")]
    public async Task A_pipe_that_is_removed_serves_nobody_at_any_node_when_the_answer_comes()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var resource = Resource("one");
        await using var amy = await pair.B.ConnectAsync("amy");
        for (var i = 0; i < 5; i++)
        {
            var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");
            (await TextAsync(pair.A, "/")).Should().Be("one /");
            await pipe.DisposeAsync();

            using var answer = await pair.A.VisitAsync("cat1");
            answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
        }
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    [Trait("Guarantee", "G21")]
    public async Task A_newer_session_at_another_node_serves_all_visitors_from_when_it_is_told_so_and_the_older_one_is_told_to_stay_away()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var one = Resource("one");
        await using var two = Resource("two");
        await using var older = await pair.A.ConnectAsync("amy");
        await using var olderPipe = await older.Pipes.OpenAsync("cat1", $"127.0.0.1:{one.Port}");
        (await TextAsync(pair.A, "/")).Should().Be("one /");
        (await TextAsync(pair.B, "/")).Should().Be("one /");

        await using var newer = await pair.B.ConnectAsync("amy");
        await using var newerPipe = await newer.Pipes.OpenAsync("cat1", $"127.0.0.1:{two.Port}");

        (await TextAsync(pair.A, "/")).Should().Be("two /");
        (await TextAsync(pair.B, "/")).Should().Be("two /");
        (await older.Closed.Soon()).Name.Should().Be("taken_over");
    }

    [Fact]
    [Trait("Guarantee", "G21")]
    public async Task A_pipe_that_is_closed_at_another_node_is_over_and_its_session_is_told_and_does_not_get_the_name_for_a_while()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var resource = Resource("one");
        await using var amy = await pair.B.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");
        await using var elsewhere = await StockSocket.DiscoveredAsync(pair.A, "amy");

        (await elsewhere.InvokeAsync<Done>("ClosePipe", new ClosePipeRequest { Name = "cat1", Reason = "enough" })).Error.Should().BeNull();

        using var answer = await pair.A.VisitAsync("cat1");
        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
        var again = async () => await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");
        (await again.Should().ThrowAsync<DuplexityException>()).Which.Error.Sentence.Should().Contain("enough");
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task A_node_that_has_not_heard_that_a_pipe_is_over_finds_out_by_asking_and_hands_out_no_carrier_that_was_not_confirmed()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var resource = Resource("one");
        await using var amy = await pair.B.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");
        (await TextAsync(pair.A, "/")).Should().Be("one /");
        var pools = pair.A.Services.GetRequiredService<CarrierPools>();
        var pool = pools.Elsewhere.Should().ContainSingle().Subject;

        // Behind the back of all that tells.
        var engine = pair.B.Services.GetRequiredService<Server.Engine.IEngine>();
        await engine.Registry.RemoveAsync(pool.Entry.Client, pool.Entry.Session, pool.Entry.Generation);
        await pair.A.Services.GetServices<Microsoft.Extensions.Hosting.IHostedService>().OfType<CarrierConfirmations>().Single().RoundAsync(default);

        pools.Elsewhere.Should().BeEmpty();
        using var answer = await pair.A.VisitAsync("cat1");
        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task What_visitors_do_is_told_to_the_owner_wherever_they_do_it()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var resource = Resource("one");
        await using var amy = await pair.B.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}", new PipeOptions { Exchanges = true });
        await using var told = pipe.Exchanges.GetAsyncEnumerator();

        (await TextAsync(pair.A, "/seen")).Should().Be("one /seen");

        (await told.MoveNextAsync().AsTask().Soon()).Should().BeTrue();
        told.Current.Target.Should().Be("/seen");
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    [Trait("Guarantee", "G15")]
    public async Task What_is_kept_at_the_visitors_node_is_listed_read_watched_and_replayed_at_any_and_ends_there_with_the_pipe()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var resource = Resource("one");
        await using var amy = await pair.B.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}", new PipeOptions { Inspect = true });
        await using var watching = amy.Pipes.WatchExchangesAsync("cat1", 100).GetAsyncEnumerator();
        (await TextAsync(pair.B, "/own")).Should().Be("one /own");
        (await watching.MoveNextAsync().Soon()).Should().BeTrue();
        watching.Current.Target.Should().Be("/own");

        (await TextAsync(pair.A, "/seen")).Should().Be("one /seen");
        (await watching.MoveNextAsync().Soon()).Should().BeTrue();
        var seen = watching.Current;
        var replay = await amy.Pipes.ReplayAsync("cat1", seen.Id).Soon();
        var ended = await amy.Pipes.ReplayedAsync("cat1", replay).Soon();

        seen.Target.Should().Be("/seen");
        seen.Id.Should().EndWith(pair.A.Services.GetRequiredService<NodeBook>().Self.Name);
        (await amy.Pipes.ExchangesAsync("cat1")).Select(e => e.Target).Should().Equal("/own", "/seen", "/seen");
        ended.Exchange.ReplayOf.Should().Be(seen.Id);
        System.Text.Encoding.UTF8.GetString(ended.Response.Body!).Should().Be("one /seen");
        var store = pair.A.Services.GetRequiredService<Duplexity.Server.Tunnels.Inspection.ExchangeStore>();
        store.Bytes.Should().BeGreaterThan(0);
        await pipe.DisposeAsync();
        store.Bytes.Should().Be(0);
    }

    [Fact]
    [Trait("Requirement", "2.17")]
    public async Task A_tcp_pipe_is_reached_at_its_port_on_every_node_until_it_is_over()
    {
        // Two machines, as far as listening goes.
        var (first, last) = FreePorts.Range(2);
        await using var pair = await RedisPair.StartAsync(redis, configure: (s, name) =>
        {
            s.Settings["Duplexity:Pipes:Ports"] = $"{first}-{last}";
            s.Settings["Duplexity:Pipes:ListenAddress"] = name == "a" ? "127.0.0.1" : "127.0.0.2";
        });
        await using var resource = Resource("one");
        await using var amy = await pair.B.ConnectAsync("amy");
        await using (await amy.Pipes.OpenAsync($":{first}", $"tcp://127.0.0.1:{resource.Port}"))
        {
            foreach (var address in (string[])["127.0.0.1", "127.0.0.2"])
            {
                using var visitor = new HttpClient();
                (await visitor.GetStringAsync($"http://{address}:{first}/x").Soon()).Should().Be("one /x");
            }
        }

        foreach (var address in (string[])["127.0.0.1", "127.0.0.2"])
        {
            using var visitor = new HttpClient();
            var visit = () => visitor.GetStringAsync($"http://{address}:{first}/x").Soon();
            await visit.Should().ThrowAsync<HttpRequestException>();
        }
    }

    private static IReadOnlyDictionary<string, int> Load(TestNode node) => node.Services.GetRequiredService<NodeBook>().Self.Load;

    private static RawServer Resource(string name) => new(async (connection, _) =>
    {
        while (await connection.ReadHeadAsync() is { Length: > 0 } head)
        {
            var text = $"{name} {head.Split(' ')[1]}";
            await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {text.Length}\r\n\r\n{text}");
        }
    });

    private static async Task<string> TextAsync(TestNode node, string path)
    {
        using var answer = await node.VisitAsync("cat1", path);
        return await answer.Content.ReadAsStringAsync();
    }
}
