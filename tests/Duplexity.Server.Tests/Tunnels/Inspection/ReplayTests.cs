using System.Text;
using Duplexity.Server.Tests.Client;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Inspection;

/// <summary>Requests that are sent again: by the front's way, marked, and without what was secret.</summary>
public sealed class ReplayTests
{
    private const string Canary = "CANARY-77ab";

    [Fact]
    [Trait("Guarantee", "G15")]
    [Trait("Guarantee", "G25")]
    public async Task A_replay_is_the_request_as_it_was_without_its_secrets_and_says_what_it_is()
    {
        await using var cat = await InspectedPipe.StartAsync();
        var (_, first) = await cat.VisitAsync(
            HttpMethod.Post, $"/a%2Fb/../c?code={Canary}&x=1", new StringContent("hello", Encoding.UTF8, "text/plain"), ("Authorization", $"Bearer {Canary}"), ("X-Mine", "stays"), ("Duplexity-Replayed", "forged"));

        var replay = await cat.Amy.Pipes.ReplayAsync("cat1", first.Exchange.Id).Soon();
        var ended = await cat.Amy.Pipes.ReplayedAsync("cat1", replay).Soon();

        replay.Omitted.Should().BeEquivalentTo("member code of the query", "header Authorization");
        var (one, two) = cat.Received.ToArray() switch { [var a, var b] => (a, b), _ => throw new InvalidOperationException("not two requests") };
        one.Head.Should().Contain(Canary).And.NotContain("Duplexity-Replayed");
        two.Head.Should().StartWith("POST /a%2Fb/../c?x=1 HTTP/1.1\r\n").And.Contain($"Duplexity-Replayed: {first.Exchange.Id}\r\n").And.Contain("X-Mine: stays").And.Contain("Content-Length: 5").And.NotContain(Canary);
        two.Body.Should().Be("hello");
        ended.Exchange.Should().BeEquivalentTo(new { replay.Id, ReplayOf = first.Exchange.Id, Status = 200, Method = "POST", Visitor = "127.0.0.1" });
        Encoding.UTF8.GetString(ended.Response.Body!).Should().Be("got hello");
        ended.Timings.FirstByteMs.Should().BeGreaterThan(0);
        (await cat.NextAsync()).Id.Should().Be(replay.Id, "it is watched as any other");
    }

    [Fact]
    public async Task A_replay_may_have_another_method_target_header_and_body()
    {
        await using var cat = await InspectedPipe.StartAsync();
        var (_, first) = await cat.VisitAsync(HttpMethod.Get, "/one", null, ("X-Old", "1"), ("X-Keep", "2"));

        var replay = await cat.Amy.Pipes.ReplayAsync("cat1", first.Exchange.Id, new ReplayChanges
        {
            Method = "PUT",
            Target = "/two?q=%20",
            Headers = new Dictionary<string, string?> { ["x-old"] = null, ["X-New"] = "3", ["Authorization"] = "Bearer again", ["Host"] = "evil.example", ["Connection"] = "X-Keep", ["Duplexity-Identity"] = "forged" },
            Body = "other"u8.ToArray(),
        }).Soon();
        await cat.Amy.Pipes.ReplayedAsync("cat1", replay).Soon();

        var (head, body) = cat.Received.Last();
        body.Should().Be("other");
        head.Should().StartWith("PUT /two?q=%20 HTTP/1.1\r\n").And.Contain("X-New: 3").And.Contain("X-Keep: 2").And.Contain("Authorization: Bearer again").And.Contain($"Host: cat1.localhost:{cat.Node.Port}")
            .And.NotContainAny("X-Old", "evil", "forged");
    }

    [Fact]
    [Trait("Guarantee", "G13")]
    public async Task A_gated_pipe_to_an_HTTP_2_resource_is_sent_a_replay_too()
    {
        await using var node = await TestNode.StartAsync();
        await using var app = await HookApp.StartAsync(protocols: HttpProtocols.Http2);
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("cat1", $"h2c://127.0.0.1:{app.Port}", new PipeOptions { Inspect = true, Visitors = ["bearer", "client:bob"] }).Soon();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(node.Listening, "/x"));
        request.Headers.Authorization = new("Bearer", node.Token("bob"));
        (await node.VisitAsync("cat1", request).Soon()).Dispose();
        await app.NextAsync();
        await using var kept = amy.Pipes.WatchExchangesAsync("cat1", 100).GetAsyncEnumerator();
        (await kept.MoveNextAsync().Soon()).Should().BeTrue();

        var replay = await amy.Pipes.ReplayAsync("cat1", kept.Current.Id).Soon();

        (await app.NextAsync()).Should().Match<Hooked>(h => h.Target == "/x" && h.Replayed == kept.Current.Id);
        (await amy.Pipes.ReplayedAsync("cat1", replay).Soon()).Exchange.Status.Should().Be(200);
    }

    [Fact]
    public async Task A_form_is_replayed_without_its_secret_members_and_a_body_that_was_cut_only_with_another_one()
    {
        await using var cat = await InspectedPipe.StartAsync();
        var (_, form) = await cat.VisitAsync(HttpMethod.Post, "/", new FormUrlEncodedContent([new("password", Canary), new("name", "amy")]));
        var (_, large) = await cat.VisitAsync(HttpMethod.Post, "/", new ByteArrayContent(new byte[100_000]));

        await cat.Amy.Pipes.ReplayedAsync("cat1", await cat.Amy.Pipes.ReplayAsync("cat1", form.Exchange.Id)).Soon();

        cat.Received.Last().Body.Should().Be("name=amy");
        await InspectorTests.ShouldBeRefused(() => cat.Amy.Pipes.ReplayAsync("cat1", large.Exchange.Id), Errors.InvalidRequest.Code);
        await cat.Amy.Pipes.ReplayedAsync("cat1", await cat.Amy.Pipes.ReplayAsync("cat1", large.Exchange.Id, new() { Body = "small"u8.ToArray() })).Soon();
        cat.Received.Last().Body.Should().Be("small");
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task What_would_be_more_than_one_request_is_refused()
    {
        await using var cat = await InspectedPipe.StartAsync();
        var (_, first) = await cat.VisitAsync(HttpMethod.Get, "/");
        ReplayChanges[] hostile =
        [
            new() { Method = "GET / HTTP/1.1\r\nX: y" },
            new() { Method = "" },
            new() { Target = "/a b" },
            new() { Target = "/a\r\nHost: evil" },
            new() { Target = "http://evil.example/" },
            new() { Target = "/\u00e9" },
            new() { Headers = new Dictionary<string, string?> { ["X-A: b\r\nX-B"] = "c" } },
            new() { Headers = new Dictionary<string, string?> { ["X-A"] = "b\r\nX-B: c" } },
            new() { Headers = new Dictionary<string, string?> { ["X-A"] = "\0" } },
            new() { Headers = new Dictionary<string, string?> { [""] = "b" } },
        ];

        foreach (var changes in hostile)
        {
            await InspectorTests.ShouldBeRefused(() => cat.Amy.Pipes.ReplayAsync("cat1", first.Exchange.Id, changes), Errors.InvalidRequest.Code);
        }

        cat.Received.Should().ContainSingle();
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    [Trait("Guarantee", "G24")]
    public async Task A_replay_that_is_not_answered_holds_up_nobody_and_only_so_many_run_at_once()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => (o.Limits.ReplaysPerPipe, o.Times.Replay) = (1, TimeSpan.FromSeconds(10)));
        await using var resource = new RawResource();
        await using var amy = await node.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"http://{resource.Authority}", new PipeOptions { Inspect = true });
        await using var kept = amy.Pipes.WatchExchangesAsync("cat1", 100).GetAsyncEnumerator();
        var next = kept.MoveNextAsync();
        var visit = node.VisitAsync("cat1");
        await using (var connection = await resource.AcceptAsync())
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            (await visit.Soon()).Dispose();
        }

        (await next.Soon()).Should().BeTrue();
        var id = kept.Current.Id;
        var replay = await amy.Pipes.ReplayAsync("cat1", id).Soon();
        await using var silent = await resource.AcceptAsync();
        await silent.ReadHeadAsync();

        (await amy.Pipes.ReadExchangeAsync("cat1", replay.Id).Soon()).Should().BeNull("it runs");
        await InspectorTests.ShouldBeRefused(() => amy.Pipes.ReplayAsync("cat1", id), Errors.RateLimited.Code);
        (await amy.Pipes.ReplayedAsync("cat1", replay).Soon()).Exchange.Status.Should().Be(499, "nobody waited any longer");
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    [Trait("Guarantee", "G13")]
    public async Task At_a_shared_name_a_replay_goes_to_the_program_that_had_the_request_and_leaves_no_place_taken()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.ReplaysPerPipe = 1);
        await using var one = RawServer.Named("one");
        await using var two = RawServer.Named("two");
        await using var first = await node.ConnectAsync("amy");
        await using var second = await node.ConnectAsync("amy");
        await using var firstPipe = await first.Pipes.OpenAsync("cat1", one.Resource, new PipeOptions { Share = true, Inspect = true }).Soon();
        await using var secondPipe = await second.Pipes.OpenAsync("cat1", two.Resource, new PipeOptions { Share = true, Inspect = true }).Soon();
        await using var kept = first.Pipes.WatchExchangesAsync("cat1", 100).GetAsyncEnumerator();
        var next = kept.MoveNextAsync();
        string name;
        do
        {
            using var answer = await node.VisitAsync("cat1").Soon();
            name = await answer.Content.ReadAsStringAsync();
        }
        while (name != "two");

        (await next.Soon()).Should().BeTrue();
        var id = (await first.Pipes.ExchangesAsync("cat1").Soon())[^1].Id;
        for (var i = 0; i < 4; i++)
        {
            var replay = await first.Pipes.ReplayAsync("cat1", id).Soon();
            Encoding.UTF8.GetString((await first.Pipes.ReplayedAsync("cat1", replay).Soon()).Response.Body!).Should().Be("two");
        }
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    [Trait("Guarantee", "G13")]
    public async Task A_replay_for_a_program_that_is_away_goes_to_no_other_of_the_name()
    {
        await using var node = await TestNode.StartAsync();
        await using var one = RawServer.Named("one");
        await using var two = RawServer.Named("two");
        await using var line = new FaultyLine(node.Port);
        await using var first = await node.ConnectAsync("amy");
        await using var second = new DuplexityConnection(line.Address, new() { Token = _ => ValueTask.FromResult<string?>(node.Token("amy")) });
        await second.ConnectAsync().Soon();
        await using var secondPipe = await second.Pipes.OpenAsync("cat1", two.Resource, new PipeOptions { Share = true, Inspect = true }).Soon();
        await using var kept = first.Pipes.WatchExchangesAsync("cat1", 100).GetAsyncEnumerator();
        (await node.VisitAsync("cat1").Soon()).Dispose();
        (await kept.MoveNextAsync().Soon()).Should().BeTrue();
        await using var firstPipe = await first.Pipes.OpenAsync("cat1", one.Resource, new PipeOptions { Share = true, Inspect = true }).Soon();

        line.Cut(stayDown: true);
        var replay = await first.Pipes.ReplayAsync("cat1", kept.Current.Id).Soon();

        (await first.Pipes.ReplayedAsync("cat1", replay).Soon()).Exchange.Status.Should().BeGreaterThanOrEqualTo(500);
        one.Connections.Should().Be(0);
    }

    [Fact]
    [Trait("Requirement", "3.7")]
    public async Task A_replay_that_is_kept_comes_later_under_the_queues_id_alone()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = Away.QueueRig.Quick);
        await using var app = await HookApp.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        var pipe = await amy.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", Away.QueueRig.Kept with { Inspect = true }).Soon();
        (await Away.QueueRig.PostAsync(node, "1").Soon()).Dispose();
        await app.NextAsync();
        await using var kept = amy.Pipes.WatchExchangesAsync("hook", 100).GetAsyncEnumerator();
        (await kept.MoveNextAsync().Soon()).Should().BeTrue();
        pipe = await pipe.ChangeAsync("http://127.0.0.1:9", Away.QueueRig.Kept with { Inspect = true }).Soon();

        var replay = await amy.Pipes.ReplayAsync("hook", kept.Current.Id).Soon();
        (await amy.Pipes.ReplayedAsync("hook", replay).Soon()).Exchange.Status.Should().Be(202);
        await pipe.ChangeAsync($"127.0.0.1:{app.Port}", Away.QueueRig.Kept with { Inspect = true }).Soon();

        (await app.NextAsync()).Should().Match<Hooked>(h => h.Body == "1" && h.Replayed != null && !h.Replayed.Contains(',') && h.Replayed != kept.Current.Id);
    }
}
