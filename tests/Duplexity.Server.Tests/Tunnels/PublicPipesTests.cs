using System.Net;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

public sealed class PublicPipesTests
{
    [Fact]
    [Trait("Requirement", "2.14")]
    public async Task One_bad_pipe_of_five_and_none_is_registered()
    {
        await using var host = await TunnelHost.StartAsync();
        var client = host.Connect();
        PipeRegistration[] pipes = [Pipe("a"), Pipe("b"), Pipe("c.example.com"), Pipe("d"), Pipe("e")];

        var answer = await host.Pipes.RegisterAsync(client.Session, TunnelHost.Everything, pipes, CancellationToken.None);

        answer.Error!.Code.Should().Be(108);
        answer.Error.Sentence.Should().Contain("c.example.com");
        answer.Pipes!.Select(p => p.Error is null).Should().Equal(true, true, false, true, true);
        answer.Pipes!.Should().OnlyContain(p => p.Name == null);
        (await host.Pipes.ListAsync("amy", CancellationToken.None)).Should().BeEmpty();
    }

    [Theory]
    [Trait("Requirement", "2.15")]
    [Trait("Requirement", "2.17")]
    [InlineData("cat1", "cat1.localhost")]
    [InlineData("CAT1", "cat1.localhost")]
    [InlineData("Todd1.LOCALHOST", "todd1.localhost")]
    [InlineData("todd1.localhost.", "todd1.localhost")]
    [InlineData("bücher", "xn--bcher-kva.localhost")]
    [InlineData("cat1.dupelxity.io", null)]
    [InlineData("a.b", null)]
    [InlineData("a.b.localhost", "a.b.localhost")]
    [InlineData("*.shop", "*.shop.localhost")]
    [InlineData("*.BÜCHER.localhost", "*.xn--bcher-kva.localhost")]
    [InlineData("a.*.localhost", null)]
    [InlineData("*.*.localhost", null)]
    [InlineData("a*.localhost", null)]
    [InlineData("*.www", null)]
    [InlineData("a.www.localhost", null)]
    [InlineData("1.2.3.4", null)]
    [InlineData("a.b.c.d.e.f.g.h.i.j.localhost", null)]
    [InlineData("-a", null)]
    [InlineData("a-", null)]
    [InlineData("a_b", null)]
    [InlineData("a b", null)]
    [InlineData("a/b", null)]
    [InlineData("cat1.localhost:5080", null)]
    [InlineData("localhost", null)]
    [InlineData("www", null)]
    [InlineData("AUTH", null)]
    [InlineData("data.localhost", null)]
    [InlineData("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg", null)]
    [InlineData("\u001b[31m", null)]
    [InlineData(":7001", null)]
    public async Task Names_are_hostnames_of_this_server(string asked, string? name)
    {
        await using var host = await TunnelHost.StartAsync();
        var client = host.Connect();

        var answer = await host.Pipes.RegisterAsync(client.Session, TunnelHost.Everything, [Pipe(asked)], CancellationToken.None);

        answer.Pipes!.Single().Name.Should().Be(name);
        if (name is null)
        {
            answer.Error!.Code.Should().Be(108);
            answer.Error.Sentence.Should().NotContain("\u001b");
        }
        else
        {
            answer.Pipes!.Single().Url.Should().Be($"http://{name}:{host.Port}/");
        }
    }

    [Theory]
    [InlineData("cat1", "ftp://localhost:21", null, null)]
    [InlineData("cat1", "tcp://localhost:22", null, null)]
    [InlineData("cat1", "", null, null)]
    [InlineData("cat1", "http://user@localhost:21", null, null)]
    [InlineData("cat1", "http://localhost:3000", "a b", null)]
    [InlineData("cat1", "http://localhost:3000", "x\r\nY: z", null)]
    [InlineData("cat1", "http://localhost:3000", null, "nobody")]
    public async Task What_a_pipe_serves_and_how_is_checked(string name, string resource, string? hostHeader, string? visitors)
    {
        await using var host = await TunnelHost.StartAsync();
        var client = host.Connect();
        PipeRegistration pipe = new() { Name = name, Resource = resource, HostHeader = hostHeader, Visitors = visitors };

        (await host.Pipes.RegisterAsync(client.Session, TunnelHost.Everything, [pipe], CancellationToken.None)).Error!.Code.Should().Be(108);
    }

    [Fact]
    public async Task A_name_that_is_asked_for_twice_is_refused_and_one_that_is_absent_is_made_up()
    {
        await using var host = await TunnelHost.StartAsync();
        var client = host.Connect();

        var twice = await host.Pipes.RegisterAsync(client.Session, TunnelHost.Everything, [Pipe("a"), Pipe("A.localhost")], CancellationToken.None);
        twice.Error!.Code.Should().Be(108);
        var madeUp = await host.Pipes.RegisterAsync(client.Session, TunnelHost.Everything, [Pipe(null), Pipe("")], CancellationToken.None);
        madeUp.Error.Should().BeNull();
        madeUp.Pipes!.Select(p => p.Name).Should().OnlyHaveUniqueItems().And.OnlyContain(n => n!.EndsWith(".localhost"));
    }

    [Fact]
    [Trait("Requirement", "2.10")]
    public async Task Another_owners_name_is_taken()
    {
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", "http://localhost:9");

        var answer = await host.Pipes.RegisterAsync(host.Connect("ben").Session, TunnelHost.Everything, [Pipe("cat1"), Pipe("free")], CancellationToken.None);

        answer.Error!.Code.Should().Be(205);
        (await host.Pipes.ListAsync("ben", CancellationToken.None)).Should().BeEmpty();
    }

    [Fact]
    public async Task A_session_has_a_limit_of_pipes_that_a_repeated_name_does_not_count_against()
    {
        await using var host = await TunnelHost.StartAsync(o => o.Limits.PipesPerSession = 2);
        var client = host.Connect();
        (await host.Pipes.RegisterAsync(client.Session, TunnelHost.Everything, [Pipe("a"), Pipe("b")], CancellationToken.None)).Error.Should().BeNull();

        (await host.Pipes.RegisterAsync(client.Session, TunnelHost.Everything, [Pipe("a")], CancellationToken.None)).Error.Should().BeNull();
        var over = await host.Pipes.RegisterAsync(client.Session, TunnelHost.Everything, [Pipe("c")], CancellationToken.None);
        over.Error!.Code.Should().Be(302);
        over.Error.Limit.Should().Be("pipes_per_session");
    }

    [Fact]
    [Trait("Requirement", "2.12")]
    public async Task After_a_removal_visitors_get_404_at_once_and_others_keep_their_pipes()
    {
        await using var resource = Hello("amy");
        await using var host = await TunnelHost.StartAsync();
        var client = host.Connect();
        await client.ServeAsync("cat1", resource.Resource);
        await client.ServeAsync("cat2", resource.Resource);
        using var visitor = host.Visitor();
        (await visitor.GetStringAsync("/")).Should().Be("amy");

        await host.Pipes.RemoveAsync(client.Session, ["CAT1.localhost", "never-was"], CancellationToken.None);

        (await visitor.GetAsync("/")).StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await host.Pipes.ListAsync("amy", CancellationToken.None)).Should().ContainSingle().Which.Should().BeEquivalentTo(new { Name = "cat2.localhost", State = "serving" });
    }

    [Fact]
    [Trait("Requirement", "2.32")]
    public async Task The_newer_session_of_the_same_owner_takes_over_and_the_older_ones_end_changes_nothing()
    {
        await using var old = Hello("old");
        await using var fresh = Hello("new");
        await using var host = await TunnelHost.StartAsync();
        var laptop = host.Connect();
        await laptop.ServeAsync("cat1", old.Resource);
        using var visitor = host.Visitor();
        (await visitor.GetStringAsync("/")).Should().Be("old");

        await host.Connect(session: "desktop").ServeAsync("cat1", fresh.Resource);
        for (var i = 0; i < 20; i++)
        {
            (await visitor.GetStringAsync("/")).Should().Be("new");
        }

        await host.Sessions.EndAsync(laptop.Session);
        (await visitor.GetStringAsync("/")).Should().Be("new");
    }

    [Fact]
    public async Task A_session_that_is_over_takes_its_pipes_with_it_and_one_in_its_grace_is_away()
    {
        await using var resource = Hello("amy");
        await using var host = await TunnelHost.StartAsync();
        var client = host.Connect();
        await client.ServeAsync("cat1", resource.Resource);
        using var visitor = host.Visitor();
        (await visitor.GetStringAsync("/")).Should().Be("amy");

        host.Sessions.Lose(client.Session, client.Session.Link!.ConnectionId);
        using var away = await visitor.GetAsync("/");
        away.StatusCode.Should().Be(HttpStatusCode.BadGateway);
        away.Headers.CacheControl!.NoStore.Should().BeTrue();
        (await host.Pipes.ListAsync("amy", CancellationToken.None)).Single().State.Should().Be("away");

        await host.Sessions.EndAsync(client.Session);
        (await visitor.GetAsync("/")).StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_resource_that_is_not_running_is_a_page_that_says_so()
    {
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", $"http://127.0.0.1:{FreePorts.One()}");
        using var visitor = host.Visitor();

        using var answer = await visitor.GetAsync("/");

        answer.StatusCode.Should().Be(HttpStatusCode.BadGateway);
        (await answer.Content.ReadAsStringAsync()).Should().Contain("not running");
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Visitors_beyond_the_carriers_wait_and_beyond_the_waiting_are_told_when_to_come_back()
    {
        var go = new SemaphoreSlim(0);
        var arrived = new SemaphoreSlim(0);
        await using var resource = new RawServer(async (c, _) =>
        {
            while ((await c.ReadHeadAsync()).Length > 0)
            {
                arrived.Release();
                await go.WaitAsync();
                await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        });
        await using var host = await TunnelHost.StartAsync(o =>
        {
            o.Limits.CarriersPerPipe = 2;
            o.Limits.CarriesWaitingPerPipe = 1;
        });
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = host.Visitor();
        Task<string>[] served = [visitor.GetStringAsync("/1"), visitor.GetStringAsync("/2")];
        await arrived.WaitAsync(TunnelHost.Patience);
        await arrived.WaitAsync(TunnelHost.Patience);

        // Two more: one waits, the other is refused, and which is which is theirs to race for.
        Task<HttpResponseMessage>[] late = [visitor.GetAsync("/3"), visitor.GetAsync("/4")];
        using var refused = await await Task.WhenAny(late);
        refused.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        refused.Headers.RetryAfter.Should().NotBeNull();

        go.Release(3);
        (await Task.WhenAll(served)).Should().OnlyContain(a => a == "ok");
        (await Task.WhenAll(late)).Count(r => r.StatusCode == HttpStatusCode.OK).Should().Be(1);
        resource.Connections.Should().Be(2);
    }

    [Fact]
    public async Task An_owner_who_asked_hears_of_each_exchange()
    {
        await using var resource = Hello("amy");
        await using var host = await TunnelHost.StartAsync();
        var client = host.Connect();
        await client.ServeAsync("cat1", resource.Resource, exchanges: true);
        await client.ServeAsync("cat2", resource.Resource);
        using var quiet = host.Visitor("cat2.localhost");
        await quiet.GetStringAsync("/quiet");
        using var visitor = host.Visitor();
        await visitor.PostAsync("/a%2Fb?c=" + new string('x', 300), new StringContent("hi"));

        var told = await client.Told.Reader.ReadAsync().AsTask().WaitAsync(TunnelHost.Patience);

        var one = told.Exchanges.Should().ContainSingle().Subject;
        (one.Pipe, one.Method, one.Status).Should().Be(("cat1.localhost", "POST", 200));
        one.Target.Should().StartWith("/a%2Fb?c=xxx").And.HaveLength(256);
        told.LeftOut.Should().Be(0);
    }

    private static PipeRegistration Pipe(string? name) => new() { Name = name, Resource = "http://localhost:9" };

    private static RawServer Hello(string text) => new(async (c, _) =>
    {
        while (await c.ReadHeadAsync() is { Length: > 0 } head)
        {
            if (head.StartsWith("POST", StringComparison.Ordinal))
            {
                await c.ReadUntilAsync("hi");
            }

            await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {text.Length}\r\n\r\n{text}");
        }
    });
}
