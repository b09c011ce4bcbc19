using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>Several sessions of one client that serve one name.</summary>
public sealed class SharedNameTests
{
    [Fact]
    [Trait("Requirement", "3.6")]
    public async Task Sessions_that_share_a_name_have_their_part_of_the_visitors_each()
    {
        await using var one = Named("one");
        await using var two = Named("two");
        await using var host = await TunnelHost.StartAsync();
        await host.Connect(session: "one").ServeAsync(Shared("cat1", one));
        await host.Connect(session: "two").ServeAsync(Shared("cat1", two));
        using var visitor = host.Visitor();

        var answers = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            answers.Add(await visitor.GetStringAsync("/"));
        }

        answers.Should().HaveCount(20).And.OnlyContain(a => a == "one" || a == "two");
        answers.Count(a => a == "one").Should().Be(10, "equals take turns");
        var listed = await Wait.UntilAsync(() => host.Pipes.ListAsync("amy", CancellationToken.None), all => all.Sum(p => p.Use.Exchanges) == 20); // the last one is counted behind its answer
        listed.Select(p => (p.Name, p.Session, p.Use.Exchanges)).Should().Equal(("cat1.localhost", "one", 10), ("cat1.localhost", "two", 10));
    }

    [Fact]
    public async Task Whoever_has_the_fewest_visitors_gets_the_next_one()
    {
        var (held, go) = (new SemaphoreSlim(0), new TaskCompletionSource());
        await using var slow = new RawServer(async (c, _) =>
        {
            await c.ReadHeadAsync();
            held.Release();
            await go.Task;
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow");
        });
        await using var quick = Named("quick");
        await using var host = await TunnelHost.StartAsync();
        await host.Connect(session: "slow").ServeAsync(Shared("cat1", slow));
        using var visitor = host.Visitor();
        Task<string>[] waiting = [visitor.GetStringAsync("/"), visitor.GetStringAsync("/")];
        await held.WaitAsync(TunnelHost.Patience);
        await held.WaitAsync(TunnelHost.Patience);
        await host.Connect(session: "quick").ServeAsync(Shared("cat1", quick));

        for (var i = 0; i < 10; i++)
        {
            (await visitor.GetStringAsync("/")).Should().Be("quick");
        }

        go.SetResult();
        (await Task.WhenAll(waiting)).Should().OnlyContain(a => a == "slow");
    }

    [Fact]
    [Trait("Guarantee", "G12")]
    [Trait("Requirement", "3.6")]
    public async Task A_session_that_is_lost_costs_no_later_visitor_anything()
    {
        await using var one = Named("one");
        await using var two = Named("two");
        await using var host = await TunnelHost.StartAsync();
        var lost = host.Connect(session: "one");
        await lost.ServeAsync(Shared("cat1", one));
        await host.Connect(session: "two").ServeAsync(Shared("cat1", two));
        using var visitor = host.Visitor();
        await visitor.GetStringAsync("/");
        await visitor.GetStringAsync("/");

        lost.Kill();

        for (var i = 0; i < 20; i++)
        {
            (await visitor.GetStringAsync("/")).Should().Be("two");
        }
    }

    [Fact]
    [Trait("Guarantee", "G12")]
    public async Task A_session_whose_resource_is_gone_is_passed_over_for_a_growing_while_and_then_tried_again()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var port = FreePorts.One();
        await using var well = Named("well");
        await using var host = await TunnelHost.StartAsync(time: time);
        var broken = host.Connect(session: "broken");
        await broken.ServeAsync(new PipeRegistration { Name = "cat1", Resource = $"http://127.0.0.1:{port}", Share = true });
        await host.Connect(session: "well").ServeAsync(Shared("cat1", well));
        using var visitor = host.Visitor();

        // Only every second visitor at most meets it, and finds the other one behind it.
        for (var i = 0; i < 6; i++)
        {
            (await visitor.GetStringAsync("/")).Should().Be("well");
        }

        broken.Orders.Should().HaveCount(1, "it is passed over");
        time.Advance(TimeSpan.FromSeconds(1.1));
        for (var i = 0; i < 6; i++)
        {
            (await visitor.GetStringAsync("/")).Should().Be("well");
        }

        broken.Orders.Should().HaveCount(2);
        time.Advance(TimeSpan.FromSeconds(1.1));
        await visitor.GetStringAsync("/");
        await visitor.GetStringAsync("/");
        broken.Orders.Should().HaveCount(2, "the second time it is two seconds");
        await using var mended = new RawServer(Answer("mended"), port);
        time.Advance(TimeSpan.FromSeconds(1));
        (await Task.WhenAll(visitor.GetStringAsync("/"), visitor.GetStringAsync("/"))).Should().Contain("mended");
    }

    [Fact]
    [Trait("Guarantee", "G12")]
    public async Task A_request_with_a_body_is_not_given_to_another_one_when_the_first_could_not_reach_its_resource()
    {
        await using var well = Named("well");
        await using var host = await TunnelHost.StartAsync(time: new FakeTimeProvider(DateTimeOffset.UtcNow));
        await host.Connect(session: "broken").ServeAsync(new PipeRegistration { Name = "cat1", Resource = $"http://127.0.0.1:{FreePorts.One()}", Share = true });
        await host.Connect(session: "well").ServeAsync(Shared("cat1", well));
        using var visitor = host.Visitor();

        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i < 6; i++)
        {
            using var answer = await visitor.PostAsync("/", new StringContent("hi"));
            statuses.Add(answer.StatusCode);
        }

        statuses.Should().ContainSingle(s => s == HttpStatusCode.BadGateway, "it is passed over from then on");
        statuses.Should().OnlyContain(s => s == HttpStatusCode.BadGateway || s == HttpStatusCode.OK);
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task Each_registration_has_its_own_gates_and_whoever_passes_the_next_ones_is_handed_on()
    {
        await using var well = Named("well");
        await using var host = await TunnelHost.StartAsync(time: new FakeTimeProvider(DateTimeOffset.UtcNow));
        await host.Connect(session: "well").ServeAsync(Shared("cat1", well) with { Sticky = true, Visitors = "basic:amy:correct horse" });
        var broken = host.Connect(session: "broken");
        await broken.ServeAsync(new PipeRegistration { Name = "cat1", Resource = $"http://127.0.0.1:{FreePorts.One()}", Share = true, Sticky = true, Visitors = "basic:amy:correct horse" });
        using var visitor = host.Visitor();
        using var stranger = host.Visitor();
        visitor.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String("amy:correct horse"u8));

        for (var i = 0; i < 4; i++)
        {
            (await visitor.GetStringAsync("/")).Should().Be("well", "its password is right at both, whatever the salts of their hashes");
        }

        for (var i = 0; i < 4; i++)
        {
            using var refused = await stranger.GetAsync("/");
            refused.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
            refused.Headers.Contains("Set-Cookie").Should().BeFalse("who is not let in is told nothing of who serves it");
        }

        broken.Orders.Should().HaveCount(1, "it was tried for whoever had passed its gate");
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task Who_passes_one_registrations_gate_is_not_past_anothers()
    {
        await using var well = Named("well");
        await using var host = await TunnelHost.StartAsync();
        await host.Connect(session: "broken").ServeAsync(new PipeRegistration { Name = "cat1", Resource = $"http://127.0.0.1:{FreePorts.One()}", Share = true });
        await host.Connect(session: "well").ServeAsync(Shared("cat1", well) with { Visitors = "basic:amy:correct horse" });
        using var visitor = host.Visitor();

        for (var i = 0; i < 4; i++)
        {
            using var answer = await visitor.GetAsync("/");
            answer.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        }

        well.Connections.Should().Be(0);
    }

    [Fact]
    [Trait("Guarantee", "G12")]
    public async Task A_route_that_is_gone_at_one_session_is_passed_over_for_that_route_alone()
    {
        await using var one = Named("one");
        await using var two = Named("two");
        await using var api = Named("api");
        await using var host = await TunnelHost.StartAsync(time: new FakeTimeProvider(DateTimeOffset.UtcNow));
        var first = host.Connect(session: "one");
        await first.ServeAsync(Shared("cat1", one) with { Routes = [new() { Path = "/api", Resource = $"http://127.0.0.1:{FreePorts.One()}" }] });
        await host.Connect(session: "two").ServeAsync(Shared("cat1", two) with { Routes = [new() { Path = "/api", Resource = api.Resource }] });
        using var visitor = host.Visitor();

        for (var i = 0; i < 6; i++)
        {
            (await visitor.GetStringAsync("/api/users")).Should().Be("api");
        }

        first.Orders.Should().ContainSingle(o => o.Route == "/api");
        string[] answers = [await visitor.GetStringAsync("/"), await visitor.GetStringAsync("/")];
        answers.Should().BeEquivalentTo("one", "two");
    }

    [Fact]
    [Trait("Requirement", "2.35")]
    public async Task A_session_that_leaves_in_order_gets_no_further_visitor_and_finishes_what_it_has()
    {
        var (held, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var leaves = new RawServer(async (c, _) =>
        {
            await c.ReadHeadAsync();
            held.TrySetResult();
            await go.Task;
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
        });
        await using var stays = Named("stays");
        await using var host = await TunnelHost.StartAsync();
        var leaver = host.Connect(session: "leaves");
        await leaver.ServeAsync(Shared("cat1", leaves));
        using var visitor = host.Visitor();
        var last = visitor.GetStringAsync("/");
        await held.Task.WaitAsync(TunnelHost.Patience);
        await host.Connect(session: "stays").ServeAsync(Shared("cat1", stays));

        await host.Pipes.RemoveAsync(leaver.Session, null, CancellationToken.None);

        for (var i = 0; i < 5; i++)
        {
            (await visitor.GetStringAsync("/")).Should().Be("stays");
        }

        go.SetResult();
        (await last).Should().Be("last");
    }

    [Fact]
    [Trait("Guarantee", "G21")]
    public async Task A_newer_session_that_does_not_share_takes_over_from_all()
    {
        await using var one = Named("one");
        await using var alone = Named("alone");
        await using var host = await TunnelHost.StartAsync();
        await host.Connect(session: "one").ServeAsync(Shared("cat1", one));
        await host.Connect(session: "two").ServeAsync(Shared("cat1", one));

        await host.Connect(session: "alone").ServeAsync("cat1", alone.Resource);

        using var visitor = host.Visitor();
        for (var i = 0; i < 5; i++)
        {
            (await visitor.GetStringAsync("/")).Should().Be("alone");
        }

        host.Sessions.All.Should().ContainSingle("the others were told to stay away");
        host.Sessions.StaysAway("amy", "one").Should().NotBeNull();
        (await host.Pipes.ListAsync("amy", CancellationToken.None)).Should().ContainSingle(p => p.Session == "alone");
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task At_most_so_many_sessions_share_a_name()
    {
        await using var host = await TunnelHost.StartAsync(o => o.Limits.SessionsPerPipe = 2);
        PipeRegistration pipe = new() { Name = "cat1", Resource = "http://localhost:9", Share = true };
        await host.Connect(session: "one").ServeAsync(pipe);
        await host.Connect(session: "two").ServeAsync(pipe);

        var refused = await host.Pipes.RegisterAsync(host.Connect(session: "three").Session, TunnelHost.Everything, [pipe], CancellationToken.None);

        (refused.Error!.Name, refused.Error.Limit).Should().Be(("too_many_pipes", "sessions_per_pipe"));
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task The_pools_of_those_who_share_end_each_by_itself()
    {
        await using var one = Named("one");
        await using var two = Named("two");
        await using var host = await TunnelHost.StartAsync();
        var first = host.Connect(session: "one");
        await first.ServeAsync(Shared("cat1", one));
        await host.Connect(session: "two").ServeAsync(Shared("cat1", two));
        using var visitor = host.Visitor();
        await visitor.GetStringAsync("/");
        await visitor.GetStringAsync("/");
        host.Services.GetRequiredService<PipeTallies>().Carriers.Should().Be(2);

        await host.Pipes.CloseAsync("cat1", _ => true, null, "root", null, CancellationToken.None);

        using var gone = await visitor.GetAsync("/");
        gone.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    private static PipeRegistration Shared(string name, RawServer resource) => new() { Name = name, Resource = resource.Resource, Share = true };

    private static RawServer Named(string name) => new(Answer(name));

    private static Func<RawVisitor, int, Task> Answer(string name) => async (c, _) =>
    {
        while (await c.ReadHeadAsync() is { Length: > 0 } head)
        {
            if (head.StartsWith("POST", StringComparison.Ordinal))
            {
                await c.ReadUntilAsync("hi");
            }

            await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {name.Length}\r\n\r\n{name}");
        }
    };
}
