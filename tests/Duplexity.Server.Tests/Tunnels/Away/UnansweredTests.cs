using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Tunnels.Away;
using Duplexity.Server.Tunnels.Gates;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Away;

/// <summary>Kept requests that the front answers itself, or fails at: only the resource's word takes one off its queue.</summary>
[Trait("Requirement", "3.7")]
public sealed class UnansweredTests
{
    [Fact]
    public async Task What_the_front_refuses_for_its_path_is_given_up_and_not_taken_for_delivered()
    {
        await using var node = await QueueRig.NodeAsync(queue => queue.Attempts = 2);
        await using var app = await HookApp.StartAsync();
        await QueueRig.AwayAsync(node);
        var ambiguous = await QueueRig.KeepAsync(node, "1", "/a%2Fb");
        await QueueRig.KeepAsync(node, "2");
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept with { Routes = [new() { Path = "/api", Resource = $"127.0.0.1:{app.Port}" }] }).Soon();

        (await app.NextAsync()).Body.Should().Be("2");

        (await Wait.UntilAsync(async () => await amy.Pipes.Queues.ReadAsync("hook").ToListAsync(), all => all.Count == 1))[0].Should().Match<QueuedRequest>(r => r.Id == ambiguous && r.State == QueuedState.Dead && r.Attempts == 2 && r.Status == null);
        await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept).Soon();
        await amy.Pipes.Queues.ReplayAsync(ambiguous);
        (await app.NextAsync()).Should().Match<Hooked>(h => h.Body == "1" && h.Replayed == ambiguous);
    }

    [Fact]
    public async Task A_pipe_that_serves_no_HTTP_any_more_is_sent_nothing_and_nothing_is_lost()
    {
        await using var node = await QueueRig.NodeAsync(setup: s => s.Settings["Duplexity:Pipes:TlsPort"] = $"{FreePorts.One()}");
        await using var app = await HookApp.StartAsync();
        await QueueRig.AwayAsync(node);
        var id = await QueueRig.KeepAsync(node, "x");
        await using var amy = await node.ConnectAsync("amy");
        await using (var tls = await amy.Pipes.OpenAsync("hook", "tls://127.0.0.1:9", new PipeOptions { Exchanges = true }).Soon())
        {
            await using var exchanges = tls.Exchanges.GetAsyncEnumerator();
            (await exchanges.MoveNextAsync().Soon()).Should().BeTrue();
            exchanges.Current.Status.Should().Be(421, "that is the front's word, not the resource's");
        }

        await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept).Soon();
        (await app.NextAsync()).Should().Match<Hooked>(h => h.Replayed == id && h.Attempt == "1");
    }

    [Fact]
    public async Task A_try_that_finds_no_room_is_none()
    {
        await using var node = await QueueRig.NodeAsync(queue => queue.Attempts = 2, configure: o => (o.Limits.CarriersPerPipe, o.Limits.CarriesWaitingPerPipe) = (1, 0));
        await using var app = await HookApp.StartAsync();
        var open = new TaskCompletionSource();
        app.Answer = (hooked, _) => hooked.Method == "GET" ? open.Task : Task.CompletedTask;
        await using var amy = await node.ConnectAsync("amy");
        var pipe = await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept with { Exchanges = true }).Soon();
        var reading = node.VisitAsync("hook");
        await app.NextAsync();
        await KeepBesideAsync(node);

        await using var exchanges = pipe.Exchanges.GetAsyncEnumerator();
        for (var i = 0; i < 3; i++)
        {
            (await exchanges.MoveNextAsync().Soon()).Should().BeTrue();
            exchanges.Current.Status.Should().Be(503);
        }

        open.SetResult();
        (await reading.Soon()).Dispose();
        (await app.NextAsync()).Should().Match<Hooked>(h => h.Body == "x" && h.Attempt == "1");
    }

    [Fact]
    public async Task An_answer_that_breaks_off_is_none()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var resource = new RawServer(async (connection, number) =>
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync(number == 1 ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf" : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
        await QueueRig.AwayAsync(node);
        await QueueRig.KeepAsync(node, "x");
        await using var amy = await node.ConnectAsync("amy");
        var pipe = await amy.Pipes.OpenAsync("hook", resource.Resource, QueueRig.Kept with { Exchanges = true }).Soon();

        await Wait.UntilAsync(() => amy.Pipes.Queues.ListAsync(), all => all.Single().Waiting == 0);

        await using var exchanges = pipe.Exchanges.GetAsyncEnumerator();
        (await exchanges.MoveNextAsync().Soon()).Should().BeTrue();
        (await exchanges.MoveNextAsync().Soon()).Should().BeTrue("it was sent again");
    }

    [Fact]
    public async Task One_at_which_the_front_itself_fails_is_tried_as_often_as_others_then_given_up_and_logged_once()
    {
        await using var node = await QueueRig.NodeAsync(queue => queue.Attempts = 3, setup: s => s.Services = services =>
        {
            var own = services.Last(d => d.ServiceType == typeof(IVisitorEntrance));
            services.AddSingleton<IVisitorEntrance>(provider => new Failing((IVisitorEntrance)ActivatorUtilities.CreateInstance(provider, own.ImplementationType!)));
        });
        await using var app = await HookApp.StartAsync();
        await QueueRig.AwayAsync(node);
        var bad = await QueueRig.KeepAsync(node, "bad", "/bad");
        await QueueRig.KeepAsync(node, "good");
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept).Soon();

        (await app.NextAsync()).Body.Should().Be("good");

        (await Wait.UntilAsync(async () => await amy.Pipes.Queues.ReadAsync("hook").ToListAsync(), all => all.Count == 1))[0].Should().Match<QueuedRequest>(r => r.Id == bad && r.State == QueuedState.Dead && r.Attempts == 3);
        node.Logs.Lines.Count(l => l.Exception is NotSupportedException).Should().Be(1);
    }

    /// <summary>Something waits at a pipe that is served: as another node would have kept it that had not heard so.</summary>
    private static async Task KeepBesideAsync(TestNode node)
    {
        var store = node.Services.GetRequiredService<QueueStore>();
        var queue = (await store.FindAsync("hook.localhost", default))!;
        await store.AppendAsync(queue, new() { Id = $"{queue.Id}-1", Method = "POST", Target = "/", Host = "hook.localhost", Scheme = "http", Headers = [], Body = "x"u8.ToArray() }, null, default);
        node.Services.GetRequiredService<QueueBell>().Ring("hook.localhost");
    }

    /// <summary>The node's own entrance, which has a fault at one path.</summary>
    private sealed class Failing(IVisitorEntrance own) : IVisitorEntrance
    {
        public ValueTask<Entered?> EnterAsync(HttpContext context, PipeEntry entry) =>
            context.Request.Path == "/bad" && context.Request.Headers.ContainsKey("Duplexity-Attempt") ? throw new NotSupportedException("a fault") : own.EnterAsync(context, entry);

        public Entered? TryEnter(IPAddress address, PipeEntry entry) => own.TryEnter(address, entry);

        public bool Lets(IPAddress address, PipeEntry entry) => own.Lets(address, entry);
    }
}
