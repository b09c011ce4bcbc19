using System.Net;
using System.Text;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>Publishing by HTTP: the machine's receipts, and what is refused before it.</summary>
[Trait("Requirement", "1.19")]
public sealed class MessagesTests(ApiHost host) : IClassFixture<ApiHost>
{
    private readonly ApiUnderTest _api = new(host.Node);

    [Fact]
    public async Task A_message_reaches_who_listens_and_its_receipt_says_where()
    {
        await using var ben = await StockSocket.DataAsync(host.Node, "ben");
        await ben.JoinAsync("room:one");

        var answer = await _api.PostAsync("messages", "amy", """{"to":"room:one","text":"hi","type":"greeting","headers":{"k":"v"}}""");
        var heard = await ben.NextAsync();

        answer.Status.Should().Be(HttpStatusCode.OK);
        answer.Headers.CacheControl!.NoStore.Should().BeTrue();
        var receipt = answer.Read<SendResponse>();
        receipt.Should().BeEquivalentTo(new { MessageId = heard.Id, Level = "accepted", Error = (DuplexityError?)null });
        receipt.Destinations.Should().ContainSingle().Which.Should().BeEquivalentTo(new DestinationResult { To = "room:one", Position = heard.Position, Listeners = 1 });
        (heard.Text, heard.Type, heard.From.Client, heard.From.Socket, heard.Headers!["k"]).Should().Be(("hi", "greeting", "amy", null, "v"));
    }

    [Fact]
    [Trait("Requirement", "1.14")]
    [Trait("Guarantee", "G9")]
    public async Task One_message_to_a_socket_a_room_and_a_client_comes_once_to_whoever_all_three_reach()
    {
        await using var ben = await StockSocket.DataAsync(host.Node, "ben");
        await ben.InvokeAsync<OpenResponse>("Open", new OpenRequest { Direct = "anyone" });
        await ben.JoinAsync("room:three");
        await ben.JoinAsync("client:ben");
        await using var cleo = await StockSocket.DataAsync(host.Node, "cleo");
        await cleo.JoinAsync("room:three");

        var answer = await _api.PostAsync("messages", "amy", $$"""{"to":["socket:{{ben.Id}}","room:three","client:ben"],"text":"once"}""");

        answer.Read<SendResponse>().Destinations!.Should().OnlyContain(d => d.Error == null && d.Position != null);
        (await ben.NextAsync()).Channel.Should().Be($"socket:{ben.Id}");
        (await cleo.NextAsync()).Text.Should().Be("once");
        await ben.SettleAsync(cleo);
        ben.HasNothing.Should().BeTrue();
    }

    [Fact]
    public async Task A_body_is_text_bytes_or_any_JSON_and_JSON_arrives_byte_for_byte()
    {
        await using var ben = await StockSocket.DataAsync(host.Node, "ben");
        await ben.JoinAsync("room:bodies");

        await _api.PostAsync("messages", "amy", """{"to":"room:bodies","json":{"n": 1.50, "s":"é\u00e9"}}""");
        await _api.PostAsync("messages", "amy", """{"to":"room:bodies","bytes":"AAH/","contentType":"image/x"}""");
        await _api.PostAsync("messages", "amy", """{"to":"room:bodies","json":false,"contentType":"application/x+json"}""");
        var heard = new[] { await ben.NextAsync(), await ben.NextAsync(), await ben.NextAsync() };

        heard.Select(m => m.ContentType).Should().Equal("application/json", "image/x", "application/x+json");
        heard.Select(m => m.Text).Should().Equal("""{"n": 1.50, "s":"é\u00e9"}""", null, "false");
        heard[1].Bytes.Should().Equal(0, 1, 255);
        foreach (var wrong in (string[])["""{"to":"room:bodies"}""", """{"to":"room:bodies","text":"a","json":1}""", """{"to":"room:bodies","text":"a","bytes":"AA=="}""", """{"to":"room:bodies","json":null}"""])
        {
            (await _api.PostAsync("messages", "amy", wrong)).Should().Match<ApiAnswer>(a => a.Status == HttpStatusCode.BadRequest && a.Code == 102, wrong);
        }
    }

    [Fact]
    [Trait("Requirement", "1.28")]
    public async Task One_destination_that_is_refused_fails_no_other_and_if_all_are_the_answer_is_the_first_reason()
    {
        var some = await _api.PostAsync("messages", "amy", """{"to":["room:some","socket:none","feed:ben"],"text":"hi"}""");
        var none = await _api.PostAsync("messages", "amy", """{"to":["socket:none","feed:ben"],"text":"hi"}""");

        some.Status.Should().Be(HttpStatusCode.OK);
        some.Read<SendResponse>().Destinations!.Select(d => d.Error?.Code).Should().Equal(null, 203, 203);
        none.Status.Should().Be(HttpStatusCode.Forbidden);
        none.Code.Should().Be(203);
        none.Read<SendResponse>().Destinations!.Select(d => d.Error?.Code).Should().Equal(203, 203);
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task The_same_key_by_header_or_member_stores_once_and_with_another_content_is_refused()
    {
        const string Body = """{"to":"room:keys","text":"hi"}""";
        var first = await _api.PostAsync("messages", "amy", Body, ("Idempotency-Key", "order-1"));
        var again = await _api.PostAsync("messages", "amy", """{"idempotencyKey":"order-1","to":["room:keys"],"text":"hi"}""");
        var other = await _api.PostAsync("messages", "ben", Body, ("Idempotency-Key", "order-1"));
        var mismatch = await _api.PostAsync("messages", "amy", """{"to":"room:keys","text":"ho"}""", ("Idempotency-Key", "order-1"));
        var both = await _api.PostAsync("messages", "amy", """{"to":"room:keys","text":"hi","idempotencyKey":"a"}""", ("Idempotency-Key", "b"));
        var empty = await _api.PostAsync("messages", "amy", Body, ("Idempotency-Key", ""));

        again.Body.ToString().Should().Be(first.Body.ToString());
        other.Read<SendResponse>().MessageId.Should().NotBe(first.Read<SendResponse>().MessageId);
        (mismatch.Status, mismatch.Code).Should().Be((HttpStatusCode.BadRequest, 106));
        both.Code.Should().Be(102);
        empty.Code.Should().Be(102);
        (await _api.GetAsync("channels/room:keys/messages", "amy")).Read<HistoryResponse>().Messages.Should().HaveCount(2);
    }

    [Fact]
    public async Task A_batch_is_taken_in_its_order_and_a_message_that_is_refused_stops_no_other()
    {
        await using var ben = await StockSocket.DataAsync(host.Node, "ben");
        await ben.JoinAsync("room:batch");
        var messages = Enumerable.Range(0, 100).Select(i => i == 50 ? (object)new { to = "socket:none", text = "lost" } : i == 51 ? new { to = "room:batch" } : new { to = "room:batch", text = $"{i}" });

        var answer = await _api.PostAsync("messages/batch", "amy", JsonSerializer.Serialize(new { messages }));
        var heard = await ben.TextsAsync(98);

        answer.Status.Should().Be(HttpStatusCode.OK);
        var receipts = answer.Read<BatchAnswer>().Receipts;
        receipts.Should().HaveCount(100);
        receipts.Select((r, i) => (r.Error?.Code, i)).Where(r => r.Code is not null).Should().Equal((203, 50), (102, 51));
        heard.Should().Equal(Enumerable.Range(0, 100).Where(i => i is not (50 or 51)).Select(i => $"{i}"));
    }

    [Fact]
    public async Task A_batch_of_which_the_disk_takes_nothing_more_says_so_of_each_message()
    {
        await using var node = await TestNode.StartAsync(s => s.Settings["Duplexity:Data"] = "data");
        var limits = node.Services.GetRequiredService<DuplexityOptions>().Limits;
        (var most, limits.AppendsWaiting) = (limits.AppendsWaiting, 0);

        var answer = await new ApiUnderTest(node).PostAsync("messages/batch", "amy", """{"messages":[{"to":"room:a","text":"1"},{"to":"socket:none","text":"2"},{"to":"room:a","text":"3"}]}""");

        answer.Status.Should().Be(HttpStatusCode.OK);
        answer.Read<BatchAnswer>().Receipts.Select(r => r.Error?.Code).Should().Equal(Errors.Unavailable.Code, 203, Errors.Unavailable.Code);
        limits.AppendsWaiting = most;
    }

    [Fact]
    public async Task A_batch_of_none_or_too_many_or_with_a_key_for_all_is_refused_whole()
    {
        var many = JsonSerializer.Serialize(new { messages = Enumerable.Repeat(new { to = "room:whole", text = "x" }, 101) });

        foreach (var body in (string[])["{}", """{"messages":[]}""", """{"messages":[null]}""", many])
        {
            (await _api.PostAsync("messages/batch", "amy", body)).Should().Match<ApiAnswer>(a => a.Status == HttpStatusCode.BadRequest && a.Code == 102);
        }

        (await _api.PostAsync("messages/batch", "amy", """{"messages":[{"to":"room:whole","text":"x"}]}""", ("Idempotency-Key", "k"))).Code.Should().Be(102);
        (await _api.GetAsync("channels/room:whole/messages", "amy")).Read<HistoryResponse>().Messages.Should().BeEmpty();
    }

    [Fact]
    [Trait("Requirement", "1.16")]
    public async Task What_is_emitted_reaches_followers_and_the_clients_own_sockets()
    {
        await using var follower = await StockSocket.DataAsync(host.Node, "ben");
        await follower.JoinAsync("feed:egg");
        await using var own = await StockSocket.DataAsync(host.Node, "egg");

        var answer = await _api.PostAsync("emit", "egg", """{"text":"to whom it may concern"}""", ("Idempotency-Key", "e1"));

        answer.Read<SendResponse>().Destinations!.Select(d => (d.To, d.Listeners)).Should().Equal(("feed:egg", 2));
        (await follower.NextAsync()).Text.Should().Be("to whom it may concern");
        (await own.NextAsync()).Channel.Should().Be("feed:egg");
    }

    [Theory]
    [InlineData("""{"to":"room:x","text":"a","tpye":"b"}""", 102, "$.tpye")]
    [InlineData("""{"to":"room:x","text":"a","as":"ben"}""", 102, "$.as")]
    [InlineData("""{"to":"room:x","text":"a","Text":"b"}""", 102, "$.Text")]
    [InlineData("""{"to":"room:x","text":"a","text":"b"}""", 102, "$.text twice")]
    [InlineData("""{"to":"room:x","text":1}""", 102, "$.text")]
    [InlineData("""{"to":"room:x","bytes":"***"}""", 102, "$.bytes")]
    [InlineData("""{"to":["room:x",7],"text":"a"}""", 102, "$.to ")]
    [InlineData("""{"to":{"room":"x"},"text":"a"}""", 102, "$.to ")]
    [InlineData("""{"to":[["room:x"]],"text":"a"}""", 102, "$.to ")]
    [InlineData("""{"to":["room:x""", 100, "line 1")]
    [InlineData("""{"to":[null],"text":"a"}""", 103, "empty")]
    [InlineData("""{"to":"room:x","text":"\ud800"}""", 102, "$.text")]
    [InlineData("""{"to":"room:x","text":"a","headers":{"h":null}}""", 102, "header h")]
    [InlineData("""{"text":"a"}""", 102, "`to`")]
    [InlineData("""[]""", 102, "$")]
    [InlineData("""null""", 102, "null")]
    [InlineData("""{"to":"room:x",""", 100, "line 1, byte 15")]
    [InlineData("{\n \"to\" 1}", 100, "line 2, byte 7")]
    [InlineData("", 100, "line 1, byte 1")]
    [InlineData("""{"to":"lobby","text":"a"}""", 103, "room:lobby")]
    [InlineData("""{"to":"room:x","text":"a","level":"quickly"}""", 102, "quickly")]
    public async Task What_cannot_be_read_or_is_not_understood_is_refused_where_it_stands(string body, int code, string said)
    {
        var answer = await _api.PostAsync("messages", "amy", body);

        answer.Status.Should().Be(HttpStatusCode.BadRequest);
        answer.Code.Should().Be(code);
        answer.Sentence.Should().Contain(said);
        answer.ContentHeaders.ContentType!.ToString().Should().Be("application/json; charset=utf-8");
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task JSON_that_nests_too_deep_is_refused_and_what_a_body_names_is_shown_visibly()
    {
        var deep = await _api.PostAsync("messages", "amy", $$"""{"to":"room:x","json":{{new string('[', 1000)}}{{new string(']', 1000)}}}""");
        var escape = await _api.PostAsync("messages", "amy", """{"to":"room:x","\u001b[31m\n":1}""");

        (deep.Status, deep.Code).Should().Be((HttpStatusCode.BadRequest, 100));
        escape.Sentence.Should().NotContain("\u001b").And.NotContain("\n");
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("text/plain")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData(null)]
    public async Task A_body_of_another_content_type_is_answered_415(string? type)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes("""{"to":"room:x","text":"a"}"""));
        if (type is not null)
        {
            content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        var answer = await _api.SendAsync(HttpMethod.Post, "messages", host.Node.Token("amy"), content);

        (answer.Status, answer.Code).Should().Be((HttpStatusCode.UnsupportedMediaType, 100));
    }

    [Theory]
    [InlineData("messages", 64 * 1024)]
    [InlineData("messages/batch", 1024 * 1024)]
    [InlineData("emit", 64 * 1024)]
    [Trait("Guarantee", "G24")]
    public async Task A_body_beyond_its_bound_is_answered_413_with_or_without_a_length(string path, int most)
    {
        var bytes = Encoding.UTF8.GetBytes($$"""{"to":"room:x","text":"{{new string('x', most)}}"}""");
        var told = new ByteArrayContent(bytes) { Headers = { ContentType = new("application/json") } };
        var chunked = new StreamContent(new Chunks(bytes)) { Headers = { ContentType = new("application/json") } };

        foreach (var content in (HttpContent[])[told, chunked])
        {
            var answer = await _api.SendAsync(HttpMethod.Post, path, host.Node.Token("amy"), content);
            (answer.Status, answer.Code).Should().Be((HttpStatusCode.RequestEntityTooLarge, 107));
            answer.Body.GetProperty("error").GetProperty("limit").GetString().Should().Be("request_bytes");
        }
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_client_has_one_rate_over_all_its_requests_and_tokens_and_is_told_when_to_come_again()
    {
        (string, object) limit = ("duplexity", new { limits = new { messages = 3, windowMs = 60_000 } });
        async Task<ApiAnswer> SendAsync(string path, string body) => await _api.SendAsync(HttpMethod.Post, path, host.Node.Token("limited", null, limit), new StringContent(body, Encoding.UTF8, "application/json"));

        await SendAsync("messages", """{"to":"room:rate","text":"1"}""");
        var batch = await SendAsync("messages/batch", """{"messages":[{"to":"room:rate","text":"2"},{"to":"room:rate","text":"3"},{"to":"room:rate","text":"4"}]}""");
        var unlimited = await _api.PostAsync("messages", "limited", """{"to":"room:rate","text":"by another token"}""");
        var over = await SendAsync("messages", """{"to":"room:rate","text":"5"}""");
        var another = await _api.PostAsync("messages", "amy", """{"to":"room:rate","text":"6"}""");

        batch.Read<BatchAnswer>().Receipts.Select(r => r.Error?.Limit).Should().Equal(null, null, "messages_per_window");
        unlimited.Status.Should().Be(HttpStatusCode.OK);
        (over.Status, over.Code).Should().Be((HttpStatusCode.TooManyRequests, 300));
        over.Headers.RetryAfter!.Delta!.Value.TotalSeconds.Should().BeInRange(1, 60);
        another.Status.Should().Be(HttpStatusCode.OK);
    }

    /// <summary>A body whose length is not known before.</summary>
    private sealed class Chunks(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }

    private sealed record BatchAnswer(SendResponse[] Receipts);
}

/// <summary>One node for a class.</summary>
public sealed class ApiHost : IAsyncLifetime
{
    public TestNode Node { get; private set; } = null!;

    public async Task InitializeAsync() => Node = await TestNode.StartAsync(s =>
    {
        s.Environment = "Production";
        s.Settings["Duplexity:Feeds:Followers:0"] = "*";
    });

    public async Task DisposeAsync() => await Node.DisposeAsync();
}
