using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Duplexity.Server.Backend;
using Duplexity.Server.Tunnels.Away;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Away;

/// <summary>Pipes into channels: requests become messages of the pipe's owner, and an answer the response.</summary>
public sealed class BridgeTests
{
    [Fact]
    [Trait("Requirement", "3.7")]
    public async Task A_webhook_becomes_a_message_of_the_owner_with_its_headers_and_an_id_is_taken_once()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var ben = await node.ConnectAsync("ben");
        await using var room = await ben.JoinAsync("orders").Soon();
        using var heard = new Heard(room);
        var pipe = await amy.Pipes.OpenAsync("hook", "room:orders").Soon();
        pipe.Resource.Should().Be("room:orders");

        var ids = new List<string?>();
        for (var i = 0; i < 2; i++)
        {
            using var answer = await QueueRig.PostAsync(node, "{\"n\":1}", "/github?x=1", change: r =>
            {
                r.Headers.Add("X-GitHub-Event", "push");
                r.Headers.Add("X-GitHub-Delivery", "d-1");
                r.Headers.Add("X-Hub-Signature-256", $"sha256={i}");
                r.Headers.Add("Cookie", "session=secret");
                r.Headers.Add("Authorization", "Bearer secret");
                r.Headers.Add("X-Gitlab-Token", "secret");
                r.Headers.Add("Duplexity-Reply", "socket");
            });
            answer.StatusCode.Should().Be(HttpStatusCode.Accepted);
            ids.Add(JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetString());
        }

        var message = await heard.NextAsync();
        ids.Should().OnlyContain(id => id == message.Id, "whoever signs each try anew is told the same");
        message.From.Client.Should().Be("amy");
        message.Text.Should().Be("{\"n\":1}");
        message.Type.Should().Be("push");
        message.ContentType.Should().Be("application/json; charset=utf-8");
        message.Headers.Should().Contain("http-method", "POST").And.Contain("http-target", "/github?x=1").And.Contain("x-hub-signature-256", "sha256=0");
        message.Headers.Keys.Should().NotContain(["cookie", "authorization", "x-gitlab-token", "duplexity-reply", "host", "x-forwarded-for"]);
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "last"))).Should().Be(202);
        (await heard.NextAsync()).Text.Should().Be("last", "the second one was the first again");
    }

    [Fact]
    [Trait("Guarantee", "G15")]
    public async Task Who_may_not_visit_sends_nothing_and_what_vouches_for_a_visitor_is_not_for_the_room()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var room = await amy.JoinAsync("orders").Soon();
        using var heard = new Heard(room);
        await amy.Pipes.OpenAsync("hook", "room:orders", new PipeOptions { Visitors = ["bearer", "client:bob"] }).Soon();

        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "a stranger's"))).Should().Be(401);
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "carl's", change: r => r.Headers.Authorization = new("Bearer", node.Token("carl"))))).Should().Be(403);
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "bob's", change: r => r.Headers.Authorization = new("Bearer", node.Token("bob"))))).Should().Be(202);

        var message = await heard.NextAsync();
        message.Text.Should().Be("bob's");
        message.Headers.Keys.Should().NotContain(k => k.StartsWith("duplexity") || k == "authorization");
        (await FluentActions.Awaiting(() => amy.Pipes.OpenAsync("ask", "room:orders", new PipeOptions { HeaderTimeout = TimeSpan.FromSeconds(1) })).Should().ThrowAsync<DuplexityException>()).Which.Error.Code.Should().Be(108);
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task What_is_new_under_an_old_id_is_refused_and_never_dropped()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", "room:orders", new PipeOptions { Reply = TimeSpan.FromSeconds(30) }).Soon();
        await using var worker = await node.ConnectAsync("ben");
        await using var room = await worker.JoinAsync("orders").Soon();
        using var heard = new Heard(room);
        var first = QueueRig.PostAsync(node, "mine", "/pay?n=1", change: Key);
        await (await heard.NextAsync()).ReplyAsync("secret");
        (await Text(await first.Soon())).Should().Be("secret");

        foreach (var (method, target, body) in new[] { ("POST", "/pay?n=1", "other"), ("POST", "/pay?n=2", "mine"), ("PUT", "/pay?n=1", "mine") })
        {
            using var other = await QueueRig.PostAsync(node, body, target, change: r =>
            {
                Key(r);
                r.Method = new HttpMethod(method);
            });
            (other.StatusCode, await Text(other)).Should().Match<(HttpStatusCode Status, string Text)>(a => a.Status == HttpStatusCode.Conflict && a.Text.Contains("idempotency_mismatch") && a.Text.Contains("an id of its own"));
        }

        (await Text(await QueueRig.PostAsync(node, "mine", "/pay?n=1", change: Key).Soon())).Should().Be("secret", "its sender asks again");
        heard.HasNothing.Should().BeTrue();

        static void Key(HttpRequestMessage request) => request.Headers.Add("Idempotency-Key", "1");

        static async Task<string> Text(HttpResponseMessage answer) => await answer.Content.ReadAsStringAsync();
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    [Trait("Guarantee", "G13")]
    public async Task Visitors_who_are_known_have_ids_of_their_own_and_none_gets_anothers_answer()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", "room:orders", new PipeOptions { Visitors = ["bearer", "client:bob", "client:carl", "basic:zoe:correct horse"], Reply = TimeSpan.FromSeconds(30) }).Soon();
        await using var worker = await node.ConnectAsync("ben");
        await using var room = await worker.JoinAsync("orders").Soon();
        using var heard = new Heard(room);
        AuthenticationHeaderValue[] all = [new("Bearer", node.Token("bob")), new("Bearer", node.Token("carl")), new("Basic", Convert.ToBase64String("zoe:correct horse"u8))];

        foreach (var (who, at) in all.Select((who, at) => (who, at)))
        {
            var visit = QueueRig.PostAsync(node, "the same", change: r =>
            {
                r.Headers.Authorization = who;
                r.Headers.Add("Idempotency-Key", "1");
            });
            await (await heard.NextAsync()).ReplyAsync($"for {at}");
            using var answer = await visit.Soon();
            (await answer.Content.ReadAsStringAsync()).Should().Be($"for {at}");
        }
    }

    [Fact]
    public async Task Of_several_who_wait_for_one_answer_each_has_its_own_time()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", "room:orders", new PipeOptions { Reply = TimeSpan.FromSeconds(30) }).Soon();
        await using var worker = await node.ConnectAsync("ben");
        await using var room = await worker.JoinAsync("orders").Soon();
        using var heard = new Heard(room);
        var replies = node.Services.GetRequiredService<BridgeReplies>();
        var visit = QueueRig.PostAsync(node, "x");
        var question = await heard.NextAsync();

        (await replies.WaitAsync(question.Id, TimeSpan.FromMilliseconds(1), TimeProvider.System, CancellationToken.None)).Should().BeNull();
        var patient = replies.WaitAsync(question.Id, TimeSpan.FromSeconds(30), TimeProvider.System, CancellationToken.None);
        using var gone = new CancellationTokenSource();
        var leaving = replies.WaitAsync(question.Id, TimeSpan.FromSeconds(30), TimeProvider.System, gone.Token);
        await gone.CancelAsync();
        await FluentActions.Awaiting(() => leaving).Should().ThrowAsync<OperationCanceledException>();
        await question.ReplyAsync("here");

        (await patient.Soon())!.Text.Should().Be("here");
        using var answer = await visit.Soon();
        (await answer.Content.ReadAsStringAsync()).Should().Be("here");
    }

    [Fact]
    public async Task Bytes_stay_bytes_and_what_is_no_text_after_all_too()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var inbox = await amy.JoinAsync("orders").Soon();
        using var heard = new Heard(inbox);
        await amy.Pipes.OpenAsync("hook", "room:orders").Soon();
        byte[] broken = [0xff, 0xfe, 0x00];

        foreach (var type in new[] { "application/octet-stream", "text/plain" })
        {
            (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "", change: r =>
            {
                r.Content = new ByteArrayContent(broken);
                r.Content.Headers.TryAddWithoutValidation("Content-Type", type);
            }))).Should().Be(202);
            var message = await heard.NextAsync();
            (message.Text, message.ContentType).Should().Be((null, type));
            message.Bytes.ToArray().Should().Equal(broken);
        }
    }

    [Fact]
    public async Task What_the_owner_may_not_send_is_refused_as_the_API_does_and_nothing_is_read()
    {
        await using var node = await QueueRig.NodeAsync();
        var token = node.Token("amy", null, ("duplexity", new { send = new[] { "room:mine" }, publish = new[] { "*" }, limits = new { messages = 2, windowMs = 3_600_000 } }));
        await using var amy = await node.ConnectAsync("amy", o => o with { Token = _ => ValueTask.FromResult<string?>(token) });
        await amy.Pipes.OpenAsync("hook", "room:orders").Soon();
        await amy.Pipes.OpenAsync("mine", "room:mine").Soon();

        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x"))).Should().Be(403);
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x", name: "mine"))).Should().Be(202);
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x", name: "mine"))).Should().Be(429, "the rate is the owner's, whichever pipe it goes by");
        (await QueueRig.StatusAsync(node.VisitAsync("hook"))).Should().Be(405);
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, new string('x', 65 * 1024)))).Should().Be(413);
    }

    [Fact]
    public async Task The_first_answer_is_the_response_with_its_status_and_type()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var worker = await node.ConnectAsync("ben");
        await using var room = await worker.JoinAsync("orders").Soon();
        using var heard = new Heard(room);
        await amy.Pipes.OpenAsync("hook", "room:orders", new PipeOptions { Reply = TimeSpan.FromSeconds(30) }).Soon();

        var visit = node.VisitAsync("hook", "/price?of=tea");
        var question = await heard.NextAsync();
        question.Headers.Should().Contain("http-method", "GET").And.Contain("http-target", "/price?of=tea");
        await question.ReplyAsync(new Dictionary<string, int> { ["price"] = 3 }, new SendOptions { Headers = new Dictionary<string, string> { ["http-status"] = "201" } });
        await question.ReplyAsync("too late");

        using var answer = await visit.Soon();
        ((int)answer.StatusCode, answer.Content.Headers.ContentType!.ToString(), await answer.Content.ReadAsStringAsync()).Should().Be((201, "application/json", "{\"price\":3}"));
        answer.Headers.GetValues("Duplexity-Message").Should().Equal(question.Id);
    }

    [Fact]
    public async Task Where_nobody_answers_the_visitor_is_told_so_in_time()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("hook", "room:orders", new PipeOptions { Reply = TimeSpan.FromMilliseconds(50) }).Soon();

        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x"))).Should().Be(504);
        (await FluentActions.Awaiting(() => amy.Pipes.OpenAsync("web", "3000", new PipeOptions { Reply = TimeSpan.FromSeconds(1) })).Should().ThrowAsync<DuplexityException>()).Which.Error.Code.Should().Be(108);
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task One_that_keeps_requests_needs_no_program_until_its_owner_may_no_longer()
    {
        await using var node = await QueueRig.NodeAsync();
        await using (var amy = await node.ConnectAsync("amy"))
        {
            await amy.Pipes.OpenAsync("hook", "room:orders", QueueRig.Kept).Soon();
            await amy.Pipes.OpenAsync("gone", "room:orders").Soon();
        }

        await QueueRig.GoneAsync(node, "amy");
        await QueueRig.GoneAsync(node, "amy", "gone");
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "while away"))).Should().Be(202);
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x", name: "gone"))).Should().Be(404);
        await using var ben = await node.ConnectAsync("ben");
        (await ben.HistoryAsync(Address.Room("orders")).ToListAsync()).Select(m => m.Text).Should().Equal("while away");
        await using var root = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));
        (await root.InvokeAsync<Duplexity.Protocol.RevokeResponse>("Disable", new Duplexity.Protocol.DisableRequest { Client = "amy" })).Error.Should().BeNull();
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x"))).Should().Be(404);
    }

    [Fact]
    public async Task What_waits_for_a_server_becomes_messages_where_the_name_leads_into_a_channel_instead()
    {
        await using var node = await QueueRig.NodeAsync();
        await QueueRig.AwayAsync(node);
        await QueueRig.KeepAsync(node, "1");
        await QueueRig.KeepAsync(node, "2");
        await using var amy = await node.ConnectAsync("amy");
        await using var room = await amy.JoinAsync("orders").Soon();
        using var heard = new Heard(room);

        await amy.Pipes.OpenAsync("hook", "room:orders").Soon();

        (await heard.TextsAsync(2)).Should().Equal("1", "2");
        await Wait.UntilAsync(() => amy.Pipes.Queues.ListAsync(), all => all.Count == 0);
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task An_attempt_that_is_made_twice_is_one_message_and_a_replay_by_hand_another_one()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var room = await amy.JoinAsync("orders").Soon();
        using var heard = new Heard(room);
        await amy.Pipes.OpenAsync("hook", "room:orders", new PipeOptions { Inspect = true }).Soon();
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "live", change: r => r.Headers.Add("Idempotency-Key", "1")))).Should().Be(202);
        var live = await Wait.UntilAsync(() => amy.Pipes.ExchangesAsync("hook"), all => all.Count == 1);
        await amy.Pipes.ReplayAsync("hook", live[0].Id);
        (await heard.TextsAsync(2)).Should().Equal("live", "live");

        var (entry, replayer) = ((await node.Services.GetRequiredService<BackendRegistry>().LocateAsync("hook.localhost", default))!, node.Services.GetRequiredService<QueueReplayer>());
        var kept = new KeptRequest { Id = "0123-4567", Method = "POST", Target = "/", Host = "hook.localhost", Scheme = "http", Headers = [new("Content-Type", ["text/plain"])], Body = "kept"u8.ToArray() };
        for (var attempt = 1; attempt <= 2; attempt++)
        {
            (await replayer.SendAsync(entry, kept, attempt, default)).Should().Match<QueuedReplay>(r => r.IsSettled && r.Status == 202);
        }

        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "last"))).Should().Be(202);
        (await heard.TextsBeforeAsync("last")).Should().Equal("kept");
    }

    [Fact]
    public async Task Whoever_may_close_a_pipe_ends_what_stands_in_for_it_too()
    {
        await using var node = await QueueRig.NodeAsync();
        await QueueRig.AwayAsync(node);
        await using (var amy = await node.ConnectAsync("amy"))
        {
            await amy.Pipes.OpenAsync("bridge", "room:orders", QueueRig.Kept).Soon();
        }

        await QueueRig.KeepAsync(node, "kept");
        await using var ben = await node.ConnectAsync("ben");
        await FluentActions.Awaiting(() => ben.Pipes.CloseAsync("hook")).Should().ThrowAsync<DuplexityException>();
        await using var root = await node.ConnectAsync("root", o => o with { Token = _ => ValueTask.FromResult<string?>(node.Token("root", null, ("role", "admin"))) });
        await root.Pipes.CloseAsync("hook");
        await root.Pipes.CloseAsync("bridge");

        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x"))).Should().Be(404);
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x", name: "bridge"))).Should().Be(404);
        await using var back = await node.ConnectAsync("amy");
        (await back.Pipes.Queues.ListAsync()).Should().ContainSingle().Which.Should().Match<Duplexity.Protocol.QueueInfo>(q => q.Name == "hook.localhost" && q.Waiting == 1 && !q.IsKeeping);
    }
}
