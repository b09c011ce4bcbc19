using System.Net;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>HTTP/1.1 resources whose answers and whose visitors' bodies are on their way at the same time.</summary>
[Trait("Requirement", "3.4")]
public sealed class BothWaysTests
{
    private const int Megabyte = 1024 * 1024;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_echo_that_answers_as_it_reads_is_heard_as_it_answers(bool http2)
    {
        await using var resource = await Resources.StartAsync(app => app.MapPost("/", async context =>
        {
            var buffer = new byte[64 * 1024];
            while (await context.Request.Body.ReadAsync(buffer) is var count and > 0)
            {
                await context.Response.Body.WriteAsync(buffer.AsMemory(0, count));
                await context.Response.Body.FlushAsync();
            }
        }));
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.At("http"));

        if (http2)
        {
            using var visitor = host.Visitor(version: HttpVersion.Version20);
            var body = new Spoken();
            var sending = visitor.SendAsync(new(HttpMethod.Post, "/") { Content = body, Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact }, HttpCompletionOption.ResponseHeadersRead);
            await body.SayAsync("hello");
            using var answer = await sending;
            await using var back = await answer.Content.ReadAsStreamAsync();
            (await HearAsync(back)).Should().Be("hello");
            await ConverseAsync(body.SayAsync, () => HearAsync(back));
            body.End();
        }
        else
        {
            using var visitor = await host.RawAsync();
            await visitor.SendAsync("POST / HTTP/1.1\r\nHost: cat1.localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            (await visitor.ReadUntilAsync("hello\r\n")).Should().StartWith("HTTP/1.1 200");
            await ConverseAsync(text => visitor.SendAsync($"5\r\n{text}\r\n"), async () => (await visitor.ReadUntilAsync("\r\n") + await visitor.ReadUntilAsync("\r\n"))[3..8]);
            await visitor.SendAsync("0\r\n\r\n");
            (await visitor.ReadUntilAsync("0\r\n\r\n")).Should().Be("0\r\n\r\n");
        }

        static async Task<string> HearAsync(Stream back)
        {
            var bytes = new byte[5];
            await back.ReadExactlyAsync(bytes).AsTask().WaitAsync(TunnelHost.Patience);
            return System.Text.Encoding.ASCII.GetString(bytes);
        }

        static async Task ConverseAsync(Func<string, Task> say, Func<Task<string>> hear)
        {
            for (var i = 0; i < 20; i++)
            {
                await say($"no {i:00}");
                (await hear()).Should().Be($"no {i:00}");
            }
        }
    }

    [Fact]
    public async Task Sixty_megabytes_come_back_while_they_are_sent()
    {
        await using var resource = await Resources.StartAsync(app => app.MapPost("/", context => context.Request.Body.CopyToAsync(context.Response.Body)));
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.At("http"));
        using var visitor = await host.RawAsync();

        await visitor.SendAsync($"POST / HTTP/1.1\r\nHost: cat1.localhost\r\nConnection: close\r\nContent-Length: {60 * Megabyte}\r\n\r\n");
        var sending = Task.Run(async () =>
        {
            var piece = new byte[Megabyte];
            for (var i = 0; i < 60; i++)
            {
                await visitor.Stream.WriteAsync(piece);
            }
        });
        var buffer = new byte[Megabyte];
        long count = 0;
        while (await visitor.Stream.ReadAsync(buffer).AsTask().WaitAsync(TunnelHost.Patience) is var read and > 0)
        {
            count += read;
        }

        await sending.WaitAsync(TunnelHost.Patience);
        count.Should().BeGreaterThan(60 * Megabyte);
    }

    [Fact]
    public async Task A_refusal_of_a_large_body_is_heard_while_it_is_sent()
    {
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!");
            await c.ReadAllAsync(); // keeps the connection, as a server that lingers does
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = await host.RawAsync();

        // Never sends the rest: only one who does not wait for it can answer.
        await visitor.SendAsync($"POST / HTTP/1.1\r\nHost: cat1.localhost\r\nContent-Length: {100 * Megabyte}\r\n\r\nbegun");
        (await visitor.ReadUntilAsync("no!")).Should().StartWith("HTTP/1.1 413");
    }

    [Theory]
    [InlineData("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno", false)]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\n", true)]
    public async Task A_body_that_waits_for_leave_is_sent_when_the_resource_gives_it(string first, bool isSent)
    {
        var heard = new TaskCompletionSource<string>();
        await using var resource = new RawServer(async (c, _) =>
        {
            heard.TrySetResult(await c.ReadHeadAsync());
            await c.SendAsync(first);
            if (isSent)
            {
                await c.ReadUntilAsync("hello");
                await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        });
        await using var host = await TunnelHost.StartAsync(time: new FakeTimeProvider(DateTimeOffset.UtcNow)); // nobody waits in vain for leave
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = await host.RawAsync();

        await visitor.SendAsync("POST / HTTP/1.1\r\nHost: cat1.localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        var answer = await visitor.ReadHeadAsync();
        (await heard.Task).Should().Contain("Expect: 100-continue").And.Contain("Content-Length: 5");
        if (isSent)
        {
            answer.Should().StartWith("HTTP/1.1 100");
            await visitor.SendAsync("hello");
            (await visitor.ReadHeadAsync()).Should().StartWith("HTTP/1.1 200");
        }
        else
        {
            answer.Should().StartWith("HTTP/1.1 417");
        }
    }

    [Fact]
    public async Task Framing_and_trailers_of_a_body_arrive_as_they_were_meant()
    {
        var heads = new List<string>();
        await using var resource = new RawServer(async (c, _) =>
        {
            while (await c.ReadHeadAsync() is { Length: > 0 } head)
            {
                var body = head.Contains("chunked", StringComparison.Ordinal) ? await c.ReadUntilAsync("\r\n0\r\n") + await c.ReadUntilAsync("\r\n\r\n") : await c.ReadUntilAsync("hello");
                heads.Add(head + body);
                await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = await host.RawAsync();

        await visitor.SendAsync("PUT /a HTTP/1.1\r\nHost: cat1.localhost\r\nContent-Type: text/x\r\nContent-Length: 5\r\n\r\nhello");
        await visitor.ReadUntilAsync("\r\n\r\nok");
        await visitor.SendAsync("GET /b HTTP/1.1\r\nHost: cat1.localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\nDuplexity-Identity: me\r\nAuthorization: x\r\n\r\n");
        await visitor.ReadUntilAsync("\r\n\r\nok");

        heads.Should().HaveCount(2);
        heads[0].Should().StartWith("PUT /a HTTP/1.1\r\n").And.Contain("\r\nContent-Length: 5\r\n").And.Contain("Content-Type: text/x").And.NotContain("chunked").And.EndWith("\r\n\r\nhello");
        heads[1].Should().StartWith("GET /b HTTP/1.1\r\n").And.Contain("\r\nTransfer-Encoding: chunked\r\n").And.NotContain("Content-Length").And.EndWith("\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n");
    }

    [Fact]
    public async Task A_visitor_who_ends_in_the_middle_of_a_body_never_passes_for_one_who_finished()
    {
        var reached = new TaskCompletionSource();
        var ended = new TaskCompletionSource<string>();
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.ReadUntilAsync("half");
            reached.SetResult();
            try
            {
                ended.TrySetResult(await c.ReadAllAsync() is var rest ? $"end after '{rest}'" : "");
            }
            catch (IOException)
            {
                ended.TrySetResult("reset");
            }
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using (var visitor = await host.RawAsync())
        {
            await visitor.SendAsync("POST / HTTP/1.1\r\nHost: cat1.localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
            await reached.Task.WaitAsync(TunnelHost.Patience);
        }

        (await ended.Task.WaitAsync(TunnelHost.Patience)).Should().Be("reset");
    }

    /// <summary>A body that a test says piece by piece.</summary>
    private sealed class Spoken : HttpContent
    {
        private readonly TaskCompletionSource<Stream> _stream = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task SayAsync(string text)
        {
            var stream = await _stream.Task.WaitAsync(TunnelHost.Patience);
            await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(text));
            await stream.FlushAsync();
        }

        public void End() => _end.SetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            _stream.SetResult(stream);
            await stream.FlushAsync();
            await _end.Task.WaitAsync(TunnelHost.Patience);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
