using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Visitors at a front, which has no engine, no Redis and nobody's keys.</summary>
[Trait("Requirement", "2.20")]
public sealed class RedisFrontTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    [Trait("Requirement", "2.24")]
    public async Task Visitors_of_a_front_that_came_after_the_client_are_served_by_way_of_its_node()
    {
        await using var pair = await RedisPair.StartAsync(redis, configure: (s, _) => s.Settings["Duplexity:Cluster:FrontKey"] = RedisFront.Key);
        await using var resource = RedisFront.Resource("one");
        await using var amy = await pair.B.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");
        await using var front = await RedisFront.StartAsync([pair.A, pair.B]);

        for (var i = 0; i < 20; i++)
        {
            (await TextAsync(front, $"/{i}")).Should().Be($"one /{i}");
        }

        resource.Connections.Should().Be(1, "the carrier is used again");
        Load(pair.B).Should().Contain("forwarded", 1, "the client knows the address of its node only");
        front.Services.GetService<IEngine>().Should().BeNull();
        front.Services.GetService<IRecords>().Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "2.24")]
    public async Task A_client_that_knows_the_front_brings_its_carrier_straight_there()
    {
        var at = $"http://127.0.0.1:{FreePorts.One()}";
        await using var all = await RedisFront.StartAsync(redis, s => (s.Url, s.Settings["Duplexity:Node:Url"]) = (at, at));
        await using var resource = RedisFront.Resource("one");
        await using var amy = await all.A.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");

        (await TextAsync(all.Front, "/x")).Should().Be("one /x");

        Load(all.A).Should().Contain("forwarded", 0);
    }

    [Fact]
    [Trait("Requirement", "3.7")]
    public async Task What_a_pipe_would_keep_or_make_a_message_of_is_refused_at_a_front_in_words()
    {
        await using var all = await RedisFront.StartAsync(redis);
        await using var resource = RedisFront.Resource("one");
        await using var amy = await all.A.ConnectAsync("amy");
        await using var hook = await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{resource.Port}", new PipeOptions { Offline = PipeOffline.Queue });
        await using var orders = await amy.Pipes.OpenAsync("orders", "room:orders");

        foreach (var name in new[] { "hook", "orders" })
        {
            using var answer = await all.Front.VisitAsync(name, "/", HttpMethod.Post, new StringContent("x"));
            answer.StatusCode.Should().Be(HttpStatusCode.MisdirectedRequest);
            (await answer.Content.ReadAsStringAsync()).Should().Contain("the front by which you came does neither");
        }

        using var read = await all.Front.VisitAsync("hook");
        (await read.Content.ReadAsStringAsync()).Should().Be("one /", "what is never kept passes");
        resource.Connections.Should().Be(1);
    }

    [Fact]
    [Trait("Requirement", "2.12")]
    [Trait("Guarantee", "G7")]
    public async Task A_pipe_that_is_removed_serves_nobody_at_a_front_when_the_answer_comes()
    {
        await using var all = await RedisFront.StartAsync(redis);
        await using var resource = RedisFront.Resource("one");
        await using var amy = await all.B.ConnectAsync("amy");
        for (var i = 0; i < 3; i++)
        {
            var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");
            (await TextAsync(all.Front, "/")).Should().Be("one /");
            await pipe.DisposeAsync();

            using var answer = await all.Front.VisitAsync("cat1");
            answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
        }
    }

    [Fact]
    [Trait("Requirement", "3.6")]
    public async Task Programs_at_two_nodes_share_a_name_and_a_wildcard_at_a_front_which_is_told_of_new_ones()
    {
        await using var all = await RedisFront.StartAsync(redis);
        await using var one = RedisFront.Resource("one");
        await using var two = RedisFront.Resource("two");
        await using var below = RedisFront.Resource("below");
        await using var atA = await all.A.ConnectAsync("amy");
        await using var atB = await all.B.ConnectAsync("amy");
        var shared = new PipeOptions { Share = true };
        await using var first = await atA.Pipes.OpenAsync("*.cat1", $"127.0.0.1:{one.Port}", shared).Soon();
        (await TextAsync(all.Front, "/", "x.cat1")).Should().Be("one /");

        var second = await atB.Pipes.OpenAsync("*.cat1", $"127.0.0.1:{two.Port}", shared).Soon();
        string[] answers = [await TextAsync(all.Front, "/", "x.cat1"), await TextAsync(all.Front, "/", "x.cat1")];
        answers.Should().BeEquivalentTo("one /", "two /");

        await using var own = await atA.Pipes.OpenAsync("x.cat1.localhost", $"127.0.0.1:{below.Port}", shared).Soon();
        (await TextAsync(all.Front, "/", "x.cat1")).Should().Be("below /");
        await second.DisposeAsync().AsTask().Soon();
        for (var i = 0; i < 4; i++)
        {
            (await TextAsync(all.Front, "/", "y.cat1")).Should().Be("one /");
        }
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task A_front_that_was_not_told_finds_out_by_asking_and_cuts_the_visitor_who_is_being_served()
    {
        await using var all = await RedisFront.StartAsync(redis);
        await using var resource = RedisFront.Endless();
        await using var amy = await all.B.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");
        using var begun = await all.Front.VisitAsync("cat1");
        var rest = begun.Content.ReadAsStringAsync();
        var pools = all.Front.Services.GetRequiredService<CarrierPools>();
        var pool = pools.Elsewhere.Should().ContainSingle().Subject;

        // Behind the back of all that tells.
        await all.A.Services.GetRequiredService<IEngine>().Registry.RemoveAsync(pool.Entry.Client, pool.Entry.Session, pool.Entry.Generation);
        await all.Front.Services.GetServices<IHostedService>().OfType<CarrierConfirmations>().Single().RoundAsync(default);

        pools.Elsewhere.Should().BeEmpty();
        await rest.Awaiting(r => r.Soon()).Should().ThrowAsync<HttpRequestException>();
        using var answer = await all.Front.VisitAsync("cat1");
        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task What_a_front_remembers_never_leads_to_a_pipe_that_is_gone()
    {
        await using var all = await RedisFront.StartAsync(redis);
        await using var resource = RedisFront.Resource("one");
        await using var amy = await all.B.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");
        var remembered = await all.Front.Services.GetRequiredService<Backend.BackendRegistry>().LocateAsync("cat1.localhost", default);

        await all.A.Services.GetRequiredService<IEngine>().Registry.RemoveAsync(remembered!.Client, remembered.Session, remembered.Generation);
        all.B.Services.GetRequiredService<Backend.BackendRegistry>().Forget(["cat1.localhost"]);

        (await all.Front.Services.GetRequiredService<Backend.BackendRegistry>().LocateAsync("cat1.localhost", default)).Should().NotBeNull("it is remembered for 5 s");
        using var answer = await all.Front.VisitAsync("cat1");
        answer.StatusCode.Should().Be(HttpStatusCode.BadGateway, "the client's node refuses the order");
        resource.Connections.Should().Be(0);
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_client_that_is_revoked_is_cut_off_from_its_visitors_at_a_front()
    {
        await using var all = await RedisFront.StartAsync(redis);
        await using var resource = RedisFront.Endless();
        await using var amy = await all.B.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");
        using var begun = await all.Front.VisitAsync("cat1");
        var rest = begun.Content.ReadAsStringAsync();

        await all.A.Services.GetRequiredService<IDuplexity>().RevokeAsync("amy");

        await rest.Awaiting(r => r.Soon()).Should().ThrowAsync<HttpRequestException>();
        using var answer = await all.Front.VisitAsync("cat1");
        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    [Trait("Guarantee", "G14")]
    public async Task A_carrier_is_taken_from_the_pipes_owner_alone_as_its_node_knows_tokens()
    {
        await using var all = await RedisFront.StartAsync(redis);
        await using var amy = await StockSocket.DiscoveredAsync(all.B, "amy");
        var orders = amy.Hear<CarryOrder>(nameof(IControlClient.Carry));
        await amy.InvokeAsync<PipesResponse>(nameof(IControlHub.RegisterPipes), new RegisterPipesRequest { Pipes = [new() { Name = "cat1", Resource = "http://localhost:1" }] });
        var visit = all.Front.VisitAsync("cat1");
        var order = await orders.ReadAsync().Soon();

        (await CarryAsync(all.Front, all.B.Token("ben"), order.Ticket)).Should().Be(HttpStatusCode.Forbidden, "it is not his pipe");
        (await CarryAsync(all.Front, all.B.Token("amy", TimeSpan.FromMinutes(-5)), order.Ticket)).Should().Be(HttpStatusCode.Unauthorized, "the token is over");
        (await CarryAsync(all.Front, "x", order.Ticket)).Should().Be(HttpStatusCode.Unauthorized);
        (await CarryAsync(all.Front, all.B.Token("amy"), "x")).Should().Be(HttpStatusCode.Unauthorized, "without a ticket nobody is asked whose token it is");
        (await CarryAsync(all.Front, null, order.Ticket)).Should().Be(HttpStatusCode.Unauthorized);
        (await CarryAsync(all.Front, all.B.Token("amy"), order.Ticket)).Should().Be(HttpStatusCode.SwitchingProtocols);
        (await visit).Dispose();
    }

    [Fact]
    public async Task What_visitors_do_at_a_front_is_told_to_the_owner()
    {
        await using var all = await RedisFront.StartAsync(redis);
        await using var resource = RedisFront.Resource("one");
        await using var amy = await all.B.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}", new PipeOptions { Exchanges = true });
        await using var told = pipe.Exchanges.GetAsyncEnumerator();

        (await TextAsync(all.Front, "/seen")).Should().Be("one /seen");

        (await told.MoveNextAsync().AsTask().Soon()).Should().BeTrue();
        told.Current.Target.Should().Be("/seen");
    }

    [Fact]
    [Trait("Requirement", "2.17")]
    public async Task A_tcp_pipe_is_reached_at_its_port_on_a_front_until_it_is_over()
    {
        // Three machines, as far as listening goes.
        var (first, last) = FreePorts.Range(2);
        await using var all = await RedisFront.StartAsync(redis, s => Listen(s, "127.0.0.3"), (s, name) => Listen(s, name == "a" ? "127.0.0.1" : "127.0.0.2"));
        await using var resource = RedisFront.Resource("one");
        await using var amy = await all.B.ConnectAsync("amy");
        using (var visitor = new HttpClient())
        await using (await amy.Pipes.OpenAsync($":{first}", $"tcp://127.0.0.1:{resource.Port}"))
        {
            (await visitor.GetStringAsync($"http://127.0.0.3:{first}/x").Soon()).Should().Be("one /x");
        }

        using var late = new HttpClient();
        var visit = () => late.GetStringAsync($"http://127.0.0.3:{first}/x").Soon();
        await visit.Should().ThrowAsync<HttpRequestException>();

        void Listen(TestNodeSetup setup, string address) =>
            (setup.Settings["Duplexity:Pipes:Ports"], setup.Settings["Duplexity:Pipes:ListenAddress"]) = ($"{first}-{last}", address);
    }

    [Fact]
    public async Task A_front_that_starts_late_listens_at_the_ports_that_are_there()
    {
        var (first, last) = FreePorts.Range(2);
        await using var node = await TestNode.StartAsync(s => Configure(s, "127.0.0.1"));
        await using var resource = RedisFront.Resource("one");
        await using var amy = await node.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync($":{first}", $"tcp://127.0.0.1:{resource.Port}");

        await using var front = await RedisFront.StartAsync([node], s => Configure(s, "127.0.0.3"));

        using var visitor = new HttpClient();
        (await visitor.GetStringAsync($"http://127.0.0.3:{first}/x").Soon()).Should().Be("one /x");

        void Configure(TestNodeSetup setup, string address)
        {
            setup.Settings["Duplexity:Cluster:FrontKey"] = RedisFront.Key;
            (setup.Settings["Duplexity:Pipes:Ports"], setup.Settings["Duplexity:Pipes:ListenAddress"]) = ($"{first}-{last}", address);
        }
    }

    [Fact]
    public async Task A_node_with_an_engine_of_its_own_may_have_fronts_and_where_it_leaves_visitors_to_them_it_serves_none()
    {
        await using var node = await TestNode.StartAsync(s => (s.Settings["Duplexity:Cluster:FrontKey"], s.Settings["Duplexity:Roles"]) = (RedisFront.Key, "backend"));
        await using var front = await RedisFront.StartAsync([node]);
        await using var resource = RedisFront.Resource("one");
        await using var amy = await node.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");

        (await TextAsync(front, "/x")).Should().Be("one /x");
        using var here = await node.VisitAsync("cat1");
        here.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_front_that_reaches_no_node_is_not_ready_says_so_to_visitors_and_serves_when_one_is_there()
    {
        var at = $"http://127.0.0.1:{FreePorts.One()}";
        await using var front = await RedisFront.StartAsync([], s => s.Settings["Duplexity:Front:Backends:0"] = at);
        using var early = await front.VisitAsync("cat1");
        early.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        early.Headers.RetryAfter.Should().NotBeNull();
        (await HealthAsync(front)).Should().Be(Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Unhealthy);

        await using var node = await TestNode.StartAsync(s => (s.Settings["Duplexity:Cluster:FrontKey"], s.Settings["Duplexity:Node:InternalUrl"]) = (RedisFront.Key, at));
        await using var resource = RedisFront.Resource("one");
        await using var amy = await node.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");
        await RedisFront.Book(front).RoundAsync(default);

        (await HealthAsync(front)).Should().Be(Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Healthy);
        (await TextAsync(front, "/x")).Should().Be("one /x");
    }

    [Theory]
    [InlineData("control")]
    [InlineData("data")]
    [InlineData("auth")]
    [InlineData("api/sockets")]
    public async Task Where_the_service_would_be_a_front_says_that_it_is_elsewhere(string path)
    {
        await using var node = await TestNode.StartAsync(s => s.Settings["Duplexity:Cluster:FrontKey"] = RedisFront.Key);
        await using var front = await RedisFront.StartAsync([node]);

        using var answer = await front.Http.GetAsync(path);

        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await answer.Content.ReadAsStringAsync()).Should().StartWith("This is a front");
        using var strange = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Host = "stranger.example.org" } };
        using var nothing = await front.Http.SendAsync(strange);
        nothing.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await nothing.Content.ReadAsStringAsync()).Should().BeEmpty();
    }

    private static async Task<Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus> HealthAsync(TestNode front) =>
        (await front.Services.GetRequiredService<FrontHealth>().CheckHealthAsync(new())).Status;

    private static async Task<HttpStatusCode> CarryAsync(TestNode front, string? token, string? ticket)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "data/carry");
        request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "websocket");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
        request.Headers.TryAddWithoutValidation("Authorization", token is null ? null : $"Bearer {token}");
        request.Headers.TryAddWithoutValidation(Wire.CarryHeader, ticket);
        using var answer = await front.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).Soon();
        return answer.StatusCode;
    }

    private static IReadOnlyDictionary<string, int> Load(TestNode node) => RedisFront.Book(node).Self.Load;

    private static async Task<string> TextAsync(TestNode node, string path, string name = "cat1")
    {
        using var answer = await node.VisitAsync(name, path);
        return await answer.Content.ReadAsStringAsync();
    }
}
