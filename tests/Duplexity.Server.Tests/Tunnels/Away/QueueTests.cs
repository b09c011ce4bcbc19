using System.Net;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Away;

/// <summary>Webhooks for a pipe whose program is away: kept, told so, and replayed in order when it is back.</summary>
public sealed class QueueTests
{
    [Fact]
    [Trait("Requirement", "3.7")]
    [Trait("Guarantee", "G12")]
    public async Task What_came_while_the_program_was_away_is_replayed_in_order_and_once_and_says_so()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var app = await HookApp.StartAsync();
        await QueueRig.AwayAsync(node);
        var ids = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            ids.Add(await QueueRig.KeepAsync(node, $"{{\"n\":{i}}}", $"/stripe/a%2Fb?n={i}", change: r =>
            {
                r.Headers.Add("Stripe-Signature", $"s{i}");
                r.Headers.Add("Duplexity-Replayed", "forged");
                r.Headers.Add("Duplexity-Client", "root");
                r.Headers.Add("X-Hop", "1");
                r.Headers.Connection.Add("X-Hop");
            }));
        }

        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept).Soon();

        for (var i = 0; i < 20; i++)
        {
            var hooked = await app.NextAsync();
            (hooked.Method, hooked.Body, hooked.Replayed, hooked.Attempt).Should().Be(("POST", $"{{\"n\":{i}}}", ids[i], "1"));
            hooked.Target.Should().EndWith($"?n={i}");
            (hooked.Headers["Stripe-Signature"], hooked.Headers["Host"], hooked.Headers["Content-Type"]).Should().Be(($"s{i}", $"hook.localhost:{node.Port}", "application/json; charset=utf-8"));
            hooked.Headers.Should().NotContainKeys("X-Hop", "Duplexity-Client");
        }

        // What comes when nothing waits any more is served, and answered by the application.
        await Wait.UntilAsync(() => amy.Pipes.Queues.ListAsync(), all => all.Single().Waiting == 0);
        (await Wait.UntilAsync(() => QueueRig.StatusAsync(QueueRig.PostAsync(node, "live")), s => s != 202)).Should().Be(200);
        var live = await Wait.UntilAsync(() => app.NextAsync(), h => h.Replayed is null);
        live.Body.Should().Be("live");
        app.HasNothing.Should().BeTrue();
    }

    [Fact]
    [Trait("Requirement", "3.7")]
    public async Task While_older_ones_wait_newer_ones_wait_behind_them()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var app = await HookApp.StartAsync();
        var open = new TaskCompletionSource();
        app.Answer = (_, _) => open.Task;
        await QueueRig.AwayAsync(node);
        await QueueRig.KeepAsync(node, "1");
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept).Soon();
        (await app.NextAsync()).Body.Should().Be("1");

        await QueueRig.KeepAsync(node, "2");
        open.SetResult();

        var second = await app.NextAsync();
        (second.Body, second.Attempt).Should().Be(("2", "1"));
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    [InlineData("OPTIONS")]
    public async Task Who_only_reads_is_told_that_the_machine_is_away(string method)
    {
        await using var node = await QueueRig.NodeAsync();
        await QueueRig.AwayAsync(node);

        (await QueueRig.StatusAsync(node.VisitAsync("hook", "/", new HttpMethod(method)))).Should().Be(502);
        (await QueueRig.StatusAsync(node.VisitAsync("other", "/", new HttpMethod(method)))).Should().Be(404, "it has no queue");
    }

    [Fact]
    public async Task An_upgrade_is_never_kept()
    {
        await using var node = await QueueRig.NodeAsync();
        await QueueRig.AwayAsync(node);

        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x", change: r =>
        {
            r.Headers.Connection.Add("Upgrade");
            r.Headers.Add("Upgrade", "websocket");
        }))).Should().Be(502);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_body_a_pipe_and_an_owner_have_their_bounds_each_with_its_refusal()
    {
        await using var node = await QueueRig.NodeAsync(queue =>
        {
            queue.BodyBytes = 1_000;
            queue.Requests = 5;
            queue.BytesPerOwner = 10_000;
        });
        await QueueRig.AwayAsync(node);
        await QueueRig.AwayAsync(node, name: "other");
        await QueueRig.AwayAsync(node, client: "ben", name: "bens");

        using var large = await QueueRig.PostAsync(node, new string('x', 1_001));
        ((int)large.StatusCode, await large.Content.ReadAsStringAsync()).Should().Match<(int Status, string Page)>(a => a.Status == 413 && a.Page.Contains("1000 bytes"));
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "", change: r => r.Content = new Unmeasured(1_001)))).Should().Be(413);
        for (var i = 0; i < 5; i++)
        {
            await QueueRig.KeepAsync(node, new string('x', 1_000));
        }

        using var sixth = await QueueRig.PostAsync(node, "x");
        ((int)sixth.StatusCode, await sixth.Content.ReadAsStringAsync()).Should().Match<(int Status, string Page)>(a => a.Status == 507 && a.Page.Contains("as many requests"));
        var kept = 0;
        while (await QueueRig.StatusAsync(QueueRig.PostAsync(node, new string('x', 1_000), name: "other")) is var status && status != 507)
        {
            status.Should().Be(202);
            kept++;
        }

        kept.Should().BeInRange(1, 4, "the bytes of one owner are one sum");
        await QueueRig.KeepAsync(node, "x", name: "bens");
        await using var amy = await node.ConnectAsync("amy");
        (await amy.Pipes.Queues.ListAsync()).Sum(q => q.Bytes).Should().BeLessThanOrEqualTo(10_000);
        await amy.Pipes.Queues.RemoveAsync("hook");
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x", name: "other"))).Should().Be(202, "there is room again");
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_client_has_so_many_queues_and_no_more()
    {
        await using var node = await QueueRig.NodeAsync(queue => queue.QueuesPerOwner = 2);
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("a", "9", QueueRig.Kept).Soon();
        await amy.Pipes.OpenAsync("b", "9", QueueRig.Kept).Soon();

        var third = await FluentActions.Awaiting(() => amy.Pipes.OpenAsync("c", "9", QueueRig.Kept)).Should().ThrowAsync<DuplexityException>();

        (third.Which.Error.Code, third.Which.Error.Sentence).Should().Match<(int Code, string Sentence)>(e => e.Code == 302 && e.Sentence.Contains("queue remove"));
        (await FluentActions.Awaiting(() => amy.Pipes.OpenAsync(null, "9", QueueRig.Kept)).Should().ThrowAsync<DuplexityException>()).Which.Error.Code.Should().Be(108);
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task What_is_kept_belongs_to_its_owner_and_the_name_stays_taken()
    {
        await using var node = await QueueRig.NodeAsync(configure: o => o.Times.HandOver = TimeSpan.Zero);
        await using var app = await HookApp.StartAsync();
        await QueueRig.AwayAsync(node);
        await QueueRig.KeepAsync(node, "for amy");
        await using var ben = await node.ConnectAsync("ben");

        var taken = await FluentActions.Awaiting(() => ben.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept)).Should().ThrowAsync<DuplexityException>();
        taken.Which.Error.Code.Should().Be(205);
        (await FluentActions.Awaiting(() => ben.Pipes.OpenAsync("*.hook", "9")).Should().ThrowAsync<DuplexityException>()).Which.Error.Code.Should().Be(205);
        (await FluentActions.Awaiting(() => ben.Names.ReserveAsync("hook")).Should().ThrowAsync<DuplexityException>()).Which.Error.Code.Should().Be(205);
        await FluentActions.Awaiting(() => ben.Pipes.Queues.RemoveAsync("hook")).Should().ThrowAsync<DuplexityException>();
        (await ben.Pipes.Queues.ListAsync()).Should().BeEmpty();

        await using (var amy = await node.ConnectAsync("amy"))
        {
            await amy.Pipes.Queues.RemoveAsync("hook");
        }

        await ben.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept).Soon();
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "for ben"))).Should().Be(200);
        (await app.NextAsync()).Body.Should().Be("for ben", "what was kept for amy is nobody's now");
        app.HasNothing.Should().BeTrue();
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task A_name_that_changed_hands_keeps_nothing_while_its_visitors_are_the_former_owners()
    {
        await using var node = await QueueRig.NodeAsync();
        await using (var amy = await node.ConnectAsync("amy"))
        {
            await amy.Pipes.OpenAsync("hook", "9").Soon();
        }

        await QueueRig.GoneAsync(node, "amy");
        await using (var ben = await node.ConnectAsync("ben"))
        {
            await ben.Pipes.OpenAsync("hook", "9", QueueRig.Kept).Soon();
            (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "for amy"))).Should().Be(404);
        }

        await QueueRig.GoneAsync(node, "ben");
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "for amy"))).Should().Be(404);
        await using var back = await node.ConnectAsync("ben");
        (await back.Pipes.Queues.ListAsync()).Should().ContainSingle().Which.Waiting.Should().Be(0);
    }

    [Fact]
    [Trait("Requirement", "2.11")]
    public async Task What_keeps_requests_goes_before_a_wildcard_and_is_none_nor_private_nor_shared()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var app = await HookApp.StartAsync();
        await QueueRig.AwayAsync(node, name: "a.shop.localhost");
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("*.shop", $"127.0.0.1:{app.Port}").Soon();

        await QueueRig.KeepAsync(node, "kept", name: "a.shop");
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "live", name: "b.shop"))).Should().Be(200);
        (await app.NextAsync()).Body.Should().Be("live");
        foreach (var (name, options) in new[] { ("*.hook", QueueRig.Kept), ("own", QueueRig.Kept with { Private = true }), ("both", QueueRig.Kept with { Share = true }) })
        {
            (await FluentActions.Awaiting(() => amy.Pipes.OpenAsync(name, "9", options)).Should().ThrowAsync<DuplexityException>()).Which.Error.Code.Should().Be(108, name);
        }
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task A_removed_clients_queue_goes_with_it()
    {
        await using var node = await QueueRig.NodeAsync();
        await QueueRig.AwayAsync(node);
        await QueueRig.KeepAsync(node, "for amy");
        await using var root = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));

        (await root.InvokeAsync<RevokeResponse>("RemoveClient", new RemoveClientRequest { Client = "amy" })).Error.Should().BeNull();

        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x"))).Should().Be(404);
        await using var ben = await node.ConnectAsync("ben");
        await ben.Pipes.OpenAsync("hook", "9").Soon();
    }

    [Fact]
    public async Task Registered_without_it_the_queue_replays_what_it_has_and_is_over()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var app = await HookApp.StartAsync();
        await QueueRig.AwayAsync(node);
        await QueueRig.KeepAsync(node, "1");
        await QueueRig.KeepAsync(node, "2");

        await using (var amy = await node.ConnectAsync("amy"))
        {
            await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}").Soon();
            (await app.NextAsync()).Body.Should().Be("1");
            (await app.NextAsync()).Body.Should().Be("2");
            await Wait.UntilAsync(() => amy.Pipes.Queues.ListAsync(), all => all.Count == 0);
        }

        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "3"))).Should().Be(404);
    }

    [Fact]
    [Trait("Requirement", "2.11")]
    public async Task A_name_for_which_requests_wait_is_not_shared_until_they_are_replayed()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var app = await HookApp.StartAsync();
        await QueueRig.AwayAsync(node);
        await QueueRig.KeepAsync(node, "1");
        await using var amy = await node.ConnectAsync("amy");
        var (resource, shared) = ($"127.0.0.1:{app.Port}", new PipeOptions { Share = true });

        var refused = await FluentActions.Awaiting(() => amy.Pipes.OpenAsync("hook", resource, shared)).Should().ThrowAsync<DuplexityException>();

        (refused.Which.Error.Code, refused.Which.Error.Sentence).Should().Match<(int Code, string Sentence)>(e => e.Code == 108 && e.Sentence.Contains("without share") && e.Sentence.Contains("queue remove hook"));
        await QueueRig.KeepAsync(node, "2");
        await using (await amy.Pipes.OpenAsync("hook", resource).Soon())
        {
            (await app.NextAsync()).Body.Should().Be("1");
            (await app.NextAsync()).Body.Should().Be("2", "what was refused has changed nothing");
            await Wait.UntilAsync(() => amy.Pipes.Queues.ListAsync(), all => all.Count == 0);
        }

        await amy.Pipes.OpenAsync("hook", resource, shared).Soon();
    }

    [Fact]
    public async Task A_request_for_a_program_that_is_there_and_whose_server_is_not_is_kept_with_its_body()
    {
        await using var node = await QueueRig.NodeAsync();
        var port = FreePorts.One();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{port}", QueueRig.Kept).Soon();
        var body = new string('x', 100_000);

        var first = await QueueRig.KeepAsync(node, body);
        var second = await QueueRig.KeepAsync(node, "second");
        await using var app = await HookApp.StartAsync(port);

        var hooked = await app.NextAsync();
        (hooked.Replayed, hooked.Attempt, hooked.Body.Length).Should().Be((first, "1", 100_000), "a try that reached nobody is none");
        (await app.NextAsync()).Replayed.Should().Be(second);
    }

    /// <summary>A body that does not say how long it is.</summary>
    private sealed class Unmeasured(int bytes) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => stream.WriteAsync(new byte[bytes]).AsTask();

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
