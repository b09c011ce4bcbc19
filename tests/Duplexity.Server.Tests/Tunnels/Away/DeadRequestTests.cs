using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Away;

/// <summary>Kept requests that the resource fails at: tried again, given up, and then up to their owner.</summary>
public sealed class DeadRequestTests
{
    [Fact]
    [Trait("Requirement", "3.7")]
    public async Task What_fails_is_tried_again_in_its_place_then_given_up_and_replayed_by_hand_under_its_id()
    {
        await using var node = await QueueRig.NodeAsync(queue => queue.Attempts = 3);
        await using var app = await HookApp.StartAsync();
        var isBroken = true;
        app.Answer = (hooked, response) =>
        {
            response.StatusCode = hooked.Body == "bad" && isBroken ? StatusCodes.Status500InternalServerError : hooked.Body == "unknown" ? StatusCodes.Status404NotFound : StatusCodes.Status200OK;
            return Task.CompletedTask;
        };
        await QueueRig.AwayAsync(node);
        var bad = await QueueRig.KeepAsync(node, "bad");
        await QueueRig.KeepAsync(node, "unknown");
        await QueueRig.KeepAsync(node, "good");
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept).Soon();

        var seen = new List<(string, string?)>();
        for (var i = 0; i < 5; i++)
        {
            var hooked = await app.NextAsync();
            seen.Add((hooked.Body, hooked.Attempt));
        }

        seen.Should().Equal(("bad", "1"), ("bad", "2"), ("bad", "3"), ("unknown", "1"), ("good", "1"));
        var dead = (await Wait.UntilAsync(async () => await amy.Pipes.Queues.ReadAsync("hook").ToListAsync(), all => all is [{ State: QueuedState.Dead }]))[0];
        (dead.Id, dead.Attempts, dead.Status, dead.Method, dead.Target, dead.Bytes).Should().Be((bad, 3, 500, "POST", "/stripe", 3L));
        (await Wait.UntilAsync(() => amy.Pipes.Queues.ListAsync(), all => all is [{ Waiting: 0, Dead: 1 }])).Single().Should().Match<QueueInfo>(q => q.Name == "hook.localhost" && q.IsKeeping);

        isBroken = false;
        await amy.Pipes.Queues.ReplayAsync(bad);

        var again = await app.NextAsync();
        (again.Body, again.Replayed, again.Attempt).Should().Be(("bad", bad, "4"));
        await Wait.UntilAsync(async () => await amy.Pipes.Queues.ReadAsync("hook").ToListAsync(), all => all.Count == 0);
        (await FluentActions.Awaiting(() => amy.Pipes.Queues.ReplayAsync(bad)).Should().ThrowAsync<DuplexityException>()).Which.Error.Code.Should().Be(110);
    }

    [Fact]
    public async Task What_was_given_up_stays_its_owners_where_nothing_is_kept_any_more()
    {
        await using var node = await QueueRig.NodeAsync(queue => (queue.Attempts, queue.AgainMost) = (1, TimeSpan.FromMilliseconds(50)));
        await using var app = await HookApp.StartAsync();
        var isBroken = true;
        app.Answer = (_, response) =>
        {
            response.StatusCode = isBroken ? StatusCodes.Status500InternalServerError : StatusCodes.Status200OK;
            return Task.CompletedTask;
        };
        await QueueRig.AwayAsync(node);
        var bad = await QueueRig.KeepAsync(node, "bad");
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}").Soon();
        await app.NextAsync();
        await node.Logs.WaitForAsync("it is given up", l => l.Event.Name == "RequestGivenUp");

        (await Wait.UntilAsync(() => amy.Pipes.Queues.ListAsync(), all => all is [{ Waiting: 0, Dead: 1 }])).Single().IsKeeping.Should().BeFalse();
        (await FluentActions.Awaiting(() => amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", new PipeOptions { Share = true })).Should().ThrowAsync<DuplexityException>()).Which.Error.Code.Should().Be(108);
        isBroken = false;
        await amy.Pipes.Queues.ReplayAsync(bad);

        (await app.NextAsync()).Should().Match<Hooked>(h => h.Replayed == bad && h.Attempt == "2");
        await Wait.UntilAsync(() => amy.Pipes.Queues.ListAsync(), all => all.Count == 0);
    }

    [Fact]
    public async Task A_connection_that_ends_without_an_answer_is_a_failure_and_the_next_try_says_so()
    {
        await using var node = await QueueRig.NodeAsync();
        var seen = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using var resource = new RawServer(async (connection, number) =>
        {
            seen.Enqueue(await connection.ReadHeadAsync());
            if (number > 1)
            {
                await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                await connection.ReadHeadAsync();
            }
        });
        await QueueRig.AwayAsync(node);
        await QueueRig.KeepAsync(node, "x");
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", resource.Resource, QueueRig.Kept).Soon();

        await Wait.UntilAsync(() => amy.Pipes.Queues.ListAsync(), all => all.Single().Waiting == 0);

        seen.Should().HaveCount(2);
        seen.Select(h => h.Contains("Duplexity-Attempt: 1", StringComparison.Ordinal)).Should().Equal(true, false);
        seen.Last().Should().Contain("Duplexity-Attempt: 2");
    }

    [Fact]
    public async Task What_waits_is_listed_and_can_be_thrown_away_before_its_turn()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var app = await HookApp.StartAsync();
        await QueueRig.AwayAsync(node);
        string[] ids = [await QueueRig.KeepAsync(node, "1"), await QueueRig.KeepAsync(node, "2"), await QueueRig.KeepAsync(node, "3")];
        await using var amy = await node.ConnectAsync("amy");
        (await amy.Pipes.Queues.ReadAsync("hook").ToListAsync()).Select(r => (r.Id, r.State)).Should().Equal(ids.Select(i => (i, QueuedState.Waiting)));

        await amy.Pipes.Queues.DiscardAsync(ids[1]);

        (await amy.Pipes.Queues.ReadAsync("hook.localhost").ToListAsync()).Select(r => r.Id).Should().Equal(ids[0], ids[2]);
        await using var ben = await node.ConnectAsync("ben");
        (await FluentActions.Awaiting(() => ben.Pipes.Queues.DiscardAsync(ids[0])).Should().ThrowAsync<DuplexityException>()).Which.Error.Code.Should().Be(110, "it is not his, and he is not told whose");
        await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept).Soon();
        (await app.NextAsync()).Body.Should().Be("1");
        (await app.NextAsync()).Body.Should().Be("3");
    }

    [Fact]
    public async Task A_queue_is_read_page_by_page()
    {
        await using var node = await QueueRig.NodeAsync();
        await QueueRig.AwayAsync(node);
        var ids = new List<string>();
        for (var i = 0; i < 7; i++)
        {
            ids.Add(await QueueRig.KeepAsync(node, $"{i}"));
        }

        await using var amy = await StockSocket.DiscoveredAsync(node, "amy");
        var (read, after) = (new List<string>(), (string?)null);
        do
        {
            var page = await amy.InvokeAsync<ReadQueueResponse>("ReadQueue", new ReadQueueRequest { Name = "hook", After = after, Limit = 3 });
            page.Requests!.Length.Should().BeLessThanOrEqualTo(3);
            read.AddRange(page.Requests.Select(r => r.Id));
            after = page.Next;
        }
        while (after is not null);

        read.Should().Equal(ids);
    }

    [Fact]
    public async Task The_same_by_HTTP()
    {
        await using var node = await QueueRig.NodeAsync();
        await QueueRig.AwayAsync(node);
        var id = await QueueRig.KeepAsync(node, "1");
        node.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", node.Token("amy"));

        var queues = await node.Http.GetFromJsonAsync<JsonElement>("api/queues");
        queues.GetProperty("queues")[0].GetProperty("waiting").GetInt32().Should().Be(1);
        var requests = await node.Http.GetFromJsonAsync<JsonElement>("api/queues/hook/requests");
        requests.GetProperty("requests")[0].GetProperty("id").GetString().Should().Be(id);
        (await node.Http.PostAsJsonAsync("api/queues/replay", new { id })).IsSuccessStatusCode.Should().BeFalse("it waits, and was not given up");
        (await node.Http.PostAsJsonAsync("api/queues/discard", new { id })).IsSuccessStatusCode.Should().BeTrue();
        (await node.Http.GetFromJsonAsync<JsonElement>("api/queues/hook/requests")).GetProperty("requests").GetArrayLength().Should().Be(0);
        (await node.Http.DeleteAsync("api/queues/hook")).IsSuccessStatusCode.Should().BeTrue();
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x"))).Should().Be(404);
    }
}
