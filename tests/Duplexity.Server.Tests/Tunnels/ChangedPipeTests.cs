using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Tests.Sockets;
using Duplexity.Server.Tests.Tunnels.Gates;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>A pipe that its session registers again: what has changed is in force at once, and what has not disturbs nobody.</summary>
[Trait("Guarantee", "G7")]
public sealed class ChangedPipeTests
{
    private static readonly TimeSpan LongerThanAnyGrace = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData("ip:10.0.0.0/8", true)]
    [InlineData("basic:amy:correct horse", true)]
    [InlineData("basic:amy:correct horse,ip:127.0.0.0/8", false)]
    [InlineData("public", false)]
    public async Task What_is_open_is_cut_where_the_new_rules_do_not_let_it_in_and_goes_on_where_they_do(string visitors, bool isCut)
    {
        var go = new TaskCompletionSource();
        await using var resource = Halves(go);
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await TunnelHost.StartAsync(time: time);
        var amy = host.Connect();
        PipeRegistration pipe = new() { Name = "cat1", Resource = resource.Resource };
        await amy.ServeAsync(pipe);
        using var visitor = host.Visitor();
        await using var open = await OpenAsync(visitor);

        await amy.ServeAsync(pipe with { Visitors = visitors, ResponseHeaders = [new() { Name = "X-New", Value = "1" }] });

        if (isCut)
        {
            await EndOf(open);
        }
        else
        {
            time.Advance(LongerThanAnyGrace);
            go.SetResult();
            (await RestAsync(open)).Should().Be("half");
            using var later = await visitor.GetAsync("/");
            later.Headers.GetValues("X-New").Should().Equal("1");
        }
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task Who_is_served_under_a_name_that_the_new_rules_let_in_stays_and_who_is_not_goes()
    {
        await using var rig = await GateRig.StartAsync();
        var pipe = await rig.OpenAsync("signed-in,bearer");
        await using var bob = await DownloadAsync(rig, "bob");
        await using var carl = await DownloadAsync(rig, "carl");

        pipe = await pipe.ChangeAsync(rig.Resource, new PipeOptions { Visitors = ["client:bob", "bearer"] }).Soon();

        await EndOf(carl);
        (await rig.GetAsync(with: GateRig.Bearer(rig.Token("carl")))).Status.Should().Be(HttpStatusCode.Forbidden);
        await pipe.ChangeAsync(rig.Resource, new PipeOptions { Visitors = ["client:bob"] }).Soon();
        await EndOf(bob); // what it had shown was a token, which the pipe does not take any more
    }

    [Fact]
    public async Task Who_came_by_a_password_stays_as_long_as_that_is_right()
    {
        await using var resource = Halves(new TaskCompletionSource());
        await using var host = await TunnelHost.StartAsync();
        var amy = host.Connect();
        PipeRegistration pipe = new() { Name = "cat1", Resource = resource.Resource, Visitors = "basic:amy:correct horse,basic:bob:correct donkey" };
        await amy.ServeAsync(pipe);
        using var visitor = host.Visitor();
        visitor.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String("amy:correct horse"u8));
        await using var open = await OpenAsync(visitor);
        var end = open.ReadAsync(new byte[1]).AsTask();

        await amy.ServeAsync(pipe with { Visitors = "basic:amy:correct horse", HeaderTimeoutMs = 60_000 });
        end.IsCompleted.Should().BeFalse();
        await amy.ServeAsync(pipe with { Visitors = "basic:amy:another horse,basic:bob:correct horse" });

        await FluentActions.Awaiting(() => end.Soon()).Should().ThrowAsync<IOException>();
    }

    [Theory]
    [InlineData("ip:10.0.0.0/8", true)]
    [InlineData("ip:127.0.0.1", false)]
    public async Task A_connection_at_a_port_is_cut_where_its_address_is_not_let_in_any_more(string visitors, bool isCut)
    {
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.SendAsync("hello");
            await c.ReadUntilAsync("!");
            await c.SendAsync("bye");
        });
        var port = FreePorts.One();
        await using var host = await TunnelHost.StartAsync(o => o.Pipes.Ports = $"{port}");
        var amy = host.Connect();
        PipeRegistration pipe = new() { Name = $":{port}", Resource = $"tcp://127.0.0.1:{resource.Port}" };
        await amy.ServeAsync(pipe);
        using var visitor = await host.RawAsync(port);
        await visitor.ReadUntilAsync("hello");

        await amy.ServeAsync(pipe with { Visitors = visitors });

        if (isCut)
        {
            await FluentActions.Awaiting(visitor.ReadAllAsync).Should().ThrowAsync<IOException>();
        }
        else
        {
            await visitor.SendAsync("!");
            (await visitor.ReadAllAsync()).Should().Be("bye");
        }
    }

    [Fact]
    public async Task Who_may_not_dial_a_private_pipe_any_more_is_cut()
    {
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.SendAsync("x");
            await c.ReadAllAsync();
        });
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        var pipe = await amy.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true, Visitors = ["client:ben", "client:cleo"] }).Soon();
        await using var ben = await node.ConnectAsync("ben");
        await using var cleo = await node.ConnectAsync("cleo");
        await using var bens = await ben.Pipes.DialAsync("amy/db").Soon();
        await using var cleos = await cleo.Pipes.DialAsync("amy/db").Soon();
        var one = new byte[1];
        await bens.ReadExactlyAsync(one).AsTask().Soon();
        await cleos.ReadExactlyAsync(one).AsTask().Soon();

        await pipe.ChangeAsync($"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true, Visitors = ["client:cleo"] }).Soon();

        await FluentActions.Awaiting(() => bens.ReadAsync(one).AsTask().Soon()).Should().ThrowAsync<IOException>();
        await cleos.CompleteWritesAsync().Soon();
        (await cleos.ReadAsync(one).Soon()).Should().Be(0, "it has ended in order");
    }

    [Fact]
    [Trait("Guarantee", "G13")]
    public async Task Its_carriers_go_on_with_the_new_settings()
    {
        var asked = new TaskCompletionSource();
        await using var resource = new RawServer(async (c, _) =>
        {
            while (await c.ReadHeadAsync() is { Length: > 0 } head)
            {
                if (head.StartsWith("GET /silent", StringComparison.Ordinal))
                {
                    asked.SetResult();
                }
                else
                {
                    await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                }
            }
        });
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await TunnelHost.StartAsync(time: time);
        var amy = host.Connect();
        PipeRegistration pipe = new() { Name = "cat1", Resource = resource.Resource };
        await amy.ServeAsync(pipe);
        using var visitor = host.Visitor();
        (await visitor.GetStringAsync("/")).Should().Be("ok");

        await amy.ServeAsync(pipe with { HeaderTimeoutMs = 1_000 });
        var silent = visitor.GetAsync("/silent");
        await asked.Task.WaitAsync(TunnelHost.Patience);
        time.Advance(TimeSpan.FromSeconds(1));
        (await silent).StatusCode.Should().Be(HttpStatusCode.GatewayTimeout);
        resource.Connections.Should().Be(1, "the resource is the same, and so are its carriers");
        await amy.ServeAsync(pipe with { Carriers = "per-visitor" });
        using var other = host.Visitor();
        (await visitor.GetStringAsync("/")).Should().Be("ok");
        (await other.GetStringAsync("/")).Should().Be("ok");
        resource.Connections.Should().Be(3, "each visitor has its own");
    }

    [Fact]
    [Trait("Requirement", "3.6")]
    public async Task The_same_registration_again_is_no_change_though_a_password_is_hashed_each_time()
    {
        var go = new TaskCompletionSource();
        await using var resource = Halves(go);
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await TunnelHost.StartAsync(time: time);
        var amy = host.Connect();
        PipeRegistration pipe = new() { Name = "cat1", Resource = resource.Resource, Visitors = "basic:amy:correct horse", RequestHeaders = [new() { Name = "X-A", Value = "1" }], Inspect = true };
        await amy.ServeAsync(pipe);
        var first = await EntryAsync(host);
        using var visitor = host.Visitor();
        visitor.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String("amy:correct horse"u8));
        await using var open = await OpenAsync(visitor);

        time.Advance(TimeSpan.FromSeconds(1));
        await amy.ServeAsync(pipe with { RequestHeaders = [new() { Name = "X-A", Value = "1" }] });
        (await EntryAsync(host)).Should().Be(first);

        // The same session comes back, as after a change of networks: a newer generation, and the same rules.
        var again = host.Connect();
        await again.ServeAsync(pipe);
        (await EntryAsync(host)).Settings.Visitors.Should().Be(first.Settings.Visitors);
        go.SetResult();
        (await RestAsync(open)).Should().Be("half");
    }

    [Fact]
    public async Task A_session_that_comes_back_with_other_rules_cuts_whom_they_do_not_let_in()
    {
        await using var resource = Halves(new TaskCompletionSource());
        await using var host = await TunnelHost.StartAsync(time: new FakeTimeProvider(DateTimeOffset.UtcNow));
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = host.Visitor();
        await using var open = await OpenAsync(visitor);

        await host.Connect().ServeAsync(new PipeRegistration { Name = "cat1", Resource = resource.Resource, Visitors = "ip:10.0.0.0/8" });

        await EndOf(open);
    }

    [Fact]
    public async Task Who_waits_for_a_carrier_of_what_it_was_is_served_by_what_it_is()
    {
        await using var old = RawServer.Named("old");
        await using var fresh = RawServer.Named("new");
        await using var host = await TunnelHost.StartAsync(time: new FakeTimeProvider(DateTimeOffset.UtcNow));
        var amy = host.Connect();
        await amy.ServeAsync("cat1", old.Resource);
        var asked = new TaskCompletionSource<CarryOrder>();
        amy.OnCarry = order =>
        {
            asked.TrySetResult(order);
            return Task.CompletedTask;
        };
        using var visitor = host.Visitor();
        var waits = visitor.GetStringAsync("/");
        var order = await asked.Task.WaitAsync(TunnelHost.Patience);

        amy.OnCarry = null;
        await amy.ServeAsync("cat1", fresh.Resource);

        (await waits).Should().Be("new");
        await amy.RunAsync(order);
        fresh.Connections.Should().Be(1, "the order is for what it was, and nobody waits for that");
    }

    [Fact]
    public async Task A_route_that_is_gone_has_no_carriers_left()
    {
        await using var own = RawServer.Named("own");
        await using var api = RawServer.Named("api");
        await using var host = await TunnelHost.StartAsync();
        var amy = host.Connect();
        PipeRegistration pipe = new() { Name = "cat1", Resource = own.Resource, Routes = [new() { Path = "/api", Resource = api.Resource }] };
        await amy.ServeAsync(pipe);
        using var visitor = host.Visitor();
        (await visitor.GetStringAsync("/api/x")).Should().Be("api");
        (await visitor.GetStringAsync("/")).Should().Be("own");
        var tallies = host.Services.GetRequiredService<PipeTallies>();
        tallies.Carriers.Should().Be(2);
        var closed = Wait.For<int>("the end of a carrier", told => tallies.Used += _ => Tell(told, tallies.Carriers));

        await amy.ServeAsync(pipe with { Routes = null });

        (await visitor.GetStringAsync("/api/x")).Should().Be("own");
        await closed;

        static void Tell(Action<int> told, int carriers)
        {
            if (carriers == 1)
            {
                told(carriers);
            }
        }
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task Whoever_was_not_told_of_a_change_and_finds_it_by_a_visitor_cuts_those_whom_it_does_not_let_in()
    {
        await using var resource = Halves(new TaskCompletionSource());
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync(new PipeRegistration { Name = "cat1", Resource = resource.Resource });
        using var visitor = host.Visitor();
        await using var open = await OpenAsync(visitor);
        var was = await EntryAsync(host);

        host.Services.GetRequiredService<CarrierPools>().Of(was with { Revision = was.Revision + 1, Settings = was.Settings with { Visitors = "ip:10.0.0.0/8" } }).Should().NotBeNull();

        await EndOf(open);
    }

    [Fact]
    [Trait("Guarantee", "G21")]
    public async Task A_change_that_is_refused_leaves_what_is_served_as_it_was()
    {
        var records = new FullRecords(isFull: false);
        await using var node = await TestNode.StartAsync(s => s.Services = services => services.AddSingleton<Server.Engine.IRecords>(records));
        await using var resource = RawServer.Named("as it was");
        await using var amy = await node.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", resource.Resource).Soon();
        records.IsFull = true;
        node.Logs.Expect(line => line.Exception is IOException);

        await FluentActions.Awaiting(() => pipe.ChangeAsync(resource.Resource, new PipeOptions { Offline = PipeOffline.Queue }).Soon()).Should().ThrowAsync<DuplexityException>();

        using var answer = await node.VisitAsync("cat1").Soon();
        (await answer.Content.ReadAsStringAsync()).Should().Be("as it was");
        pipe.Closed.IsCompleted.Should().BeFalse();
    }

    private static async Task<Server.Engine.PipeEntry> EntryAsync(TunnelHost host) => (await host.Services.GetRequiredService<BackendRegistry>().ReadAsync("cat1.localhost", CancellationToken.None))!;

    /// <summary>Answers <c>halfhalf</c>, the second half when <paramref name="go"/> says so.</summary>
    private static RawServer Halves(TaskCompletionSource go) => new(async (c, _) =>
    {
        while (await c.ReadHeadAsync() is { Length: > 0 })
        {
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
            await go.Task;
            await c.SendAsync("half");
        }
    });

    private static async Task<Stream> OpenAsync(HttpClient visitor)
    {
        var answer = await visitor.GetAsync("/", HttpCompletionOption.ResponseHeadersRead);
        answer.StatusCode.Should().Be(HttpStatusCode.OK);
        var body = await answer.Content.ReadAsStreamAsync();
        await body.ReadExactlyAsync(new byte[4]).AsTask().WaitAsync(TunnelHost.Patience);
        return body;
    }

    private static async Task<string> RestAsync(Stream body) => await new StreamReader(body).ReadToEndAsync().WaitAsync(TunnelHost.Patience);

    private static async Task EndOf(Stream body) => await FluentActions.Awaiting(() => body.ReadAsync(new byte[1]).AsTask().Soon()).Should().ThrowAsync<IOException>();

    private static async Task<Stream> DownloadAsync(GateRig rig, string client)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri(rig.Node.Listening, "/stream"));
        GateRig.Bearer(rig.Token(client))(request);
        var response = await rig.Node.VisitAsync("cat1", request).Soon();
        var stream = await response.Content.ReadAsStreamAsync();
        await stream.ReadExactlyAsync(new byte[5]).AsTask().Soon();
        return stream;
    }
}
