using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>A real nginx through a public pipe behaves as it does without one.</summary>
[Trait("Requirement", "2.16")]
[Trait("Requirement", "3.4")]
public sealed class NginxTests(NginxFixture stage) : IClassFixture<NginxFixture>
{
    private const long Hundred = 100L * 1024 * 1024;

    [Fact]
    public async Task Curl_opens_the_hostname_that_up_printed()
    {
        var url = (await stage.Up.LineAsync("ready "))["ready ".Length..].Trim();
        await using var curl = RealProcess.Start(ProcessTools.Find("curl"), ["--silent", "--show-error", "--noproxy", "*", url]);

        (await curl.ExitAsync()).Should().Be(0, curl.Output);

        curl.Output.Should().Contain("hello from nginx");
        url.Should().Be($"http://{stage.Host}/");
    }

    [Fact]
    public async Task Method_path_and_query_arrive_as_they_were_sent()
    {
        var answer = await stage.Visitor.GetStringAsync("/app/where?q=1&r=a%20b");
        var deleted = await stage.Visitor.DeleteAsync("/app/where?x");

        answer.Should().Be($"GET /app/where?q=1&r=a%20b {stage.Host}");
        (await deleted.Content.ReadAsStringAsync()).Should().StartWith("DELETE /app/where?x ");
    }

    [Fact]
    public async Task A_visitor_request_is_one_line_of_up()
    {
        await stage.Visitor.GetStringAsync("/app/where?one-line-of-up");

        var line = await stage.Up.LineAsync("one-line-of-up");

        line.Should().MatchRegex(@"^\d\d:\d\d:\d\d GET /app/where\?one-line-of-up 200 [\d.,]+ ms$");
    }

    [Fact]
    public async Task An_upload_of_100_MB_arrives_whole()
    {
        var body = new byte[Hundred];
        new Random(7).NextBytes(body);

        using var response = await stage.Visitor.PostAsync("/app/upload", new ByteArrayContent(body));

        (await response.Content.ReadAsStringAsync()).Should().Be(Convert.ToHexString(SHA256.HashData(body)));
    }

    [Fact]
    public async Task A_download_of_100_MB_arrives_whole()
    {
        using var file = await stage.Visitor.GetAsync("/hundred.bin", HttpCompletionOption.ResponseHeadersRead);
        var hash = await SHA256.HashDataAsync(await file.Content.ReadAsStreamAsync());
        using var made = await stage.Visitor.GetAsync($"/app/download?bytes={Hundred}", HttpCompletionOption.ResponseHeadersRead);
        var madeHash = await SHA256.HashDataAsync(await made.Content.ReadAsStreamAsync());

        Convert.ToHexString(hash).Should().Be(stage.Nginx.HundredHash);
        Convert.ToHexString(madeHash).Should().Be(EchoApp.DownloadHash(Hundred));
    }

    [Fact]
    public async Task Ranges_are_answered_by_nginx_itself()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/big.txt") { Headers = { Range = new RangeHeaderValue(5, 11) } };

        using var response = await stage.Visitor.SendAsync(request);

        response.StatusCode.Should().Be(HttpStatusCode.PartialContent);
        response.Content.Headers.ContentRange!.ToString().Should().StartWith("bytes 5-11/");
        (await response.Content.ReadAsStringAsync()).Should().Be("0\nline ");
    }

    [Fact]
    public async Task Head_has_the_length_and_no_body()
    {
        using var head = await stage.Visitor.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/hundred.bin"));
        using var after = await stage.Visitor.GetAsync("/index.html");

        head.StatusCode.Should().Be(HttpStatusCode.OK);
        head.Content.Headers.ContentLength.Should().Be(Hundred);
        (await head.Content.ReadAsByteArrayAsync()).Should().BeEmpty();
        after.StatusCode.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_page_that_did_not_change_is_304()
    {
        using var first = await stage.Visitor.GetAsync("/index.html");
        using var again = new HttpRequestMessage(HttpMethod.Get, "/index.html") { Headers = { IfNoneMatch = { first.Headers.ETag! } } };

        using var second = await stage.Visitor.SendAsync(again);

        second.StatusCode.Should().Be(HttpStatusCode.NotModified);
        second.Headers.ETag.Should().Be(first.Headers.ETag);
        (await second.Content.ReadAsByteArrayAsync()).Should().BeEmpty();
    }

    [Fact]
    public async Task What_nginx_compressed_stays_compressed()
    {
        using var direct = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{stage.Nginx.Port}") };
        var plain = await GetCompressedAsync(direct);

        var piped = await GetCompressedAsync(stage.Visitor);

        piped.Encoding.Should().BeEquivalentTo(["gzip"]);
        piped.Bytes.Should().Equal(plain.Bytes);

        static async Task<(ICollection<string> Encoding, byte[] Bytes)> GetCompressedAsync(HttpClient client)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/big.txt") { Headers = { AcceptEncoding = { new StringWithQualityHeaderValue("gzip") } } };
            using var response = await client.SendAsync(request);
            return (response.Content.Headers.ContentEncoding, await response.Content.ReadAsByteArrayAsync());
        }
    }

    [Fact]
    public async Task A_WebSocket_echoes_a_thousand_texts_and_binaries()
    {
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Host", stage.Host);
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{stage.Service.Port}/app/ws"), CancellationToken.None).Soon();
        var buffer = new byte[64 * 1024];

        for (var i = 0; i < 1_000; i++)
        {
            var type = i % 2 == 0 ? WebSocketMessageType.Text : WebSocketMessageType.Binary;
            var sent = type == WebSocketMessageType.Text ? Encoding.UTF8.GetBytes($"message {i} äöü") : RandomNumberGenerator.GetBytes(1 + i * 20);
            await socket.SendAsync(sent, type, true, CancellationToken.None).Soon();
            var length = 0;
            ValueWebSocketReceiveResult part;
            do
            {
                part = await socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None).Soon();
                length += part.Count;
            }
            while (!part.EndOfMessage);

            part.MessageType.Should().Be(type);
            buffer.AsSpan(0, length).SequenceEqual(sent).Should().BeTrue("message {0} must come back as it was", i);
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).Soon();
        socket.CloseStatusDescription.Should().Be("bye");
    }

    [Fact]
    public async Task Server_sent_events_arrive_one_by_one()
    {
        using var response = await stage.Visitor.GetAsync("/app/events", HttpCompletionOption.ResponseHeadersRead).Soon();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());

        for (var i = 0; i < 10; i++)
        {
            (await reader.ReadLineAsync().Soon()).Should().Be($"data: event {i}");
            (await reader.ReadLineAsync().Soon()).Should().BeEmpty();

            // The application sends the next one only now: whoever gathers events before passing them on never gets here.
            stage.App.Signal($"seen-{i}").SetResult();
        }

        (await reader.ReadToEndAsync().Soon()).Should().BeEmpty();
    }

    [Fact]
    [Trait("Requirement", "2.22")]
    public async Task Two_hundred_visitors_are_served_at_once()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => stage.Visitor.GetStringAsync($"/app/where?visitor={i}"))).Soon(TestTimeout.Long);

        answers.Select(a => a.Split(' ')[1]).Should().Equal(Enumerable.Range(0, 200).Select(i => $"/app/where?visitor={i}"));
    }
}
