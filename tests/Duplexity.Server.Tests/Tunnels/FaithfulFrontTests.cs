using System.Net;
using System.Text;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

[Trait("Requirement", "3.4")]
public sealed class FaithfulFrontTests
{
    private static string Ok(string body) => $"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}";

    /// <summary>Answers each request with its own head.</summary>
    private static RawServer HeadEcho() => new(async (c, _) =>
    {
        while (await c.ReadHeadAsync() is { Length: > 0 } head)
        {
            await c.SendAsync(Ok(head));
        }
    });

    [Theory]
    [Trait("Requirement", "2.16")]
    [InlineData("/echo/a%2Fb/../c//d/%7Eu?x=%2f&y=a+b")]
    [InlineData("//double")]
    [InlineData("/a/./b/..")]
    [InlineData("/?")]
    [InlineData("/%e4%zz")]
    public async Task Path_and_query_arrive_byte_by_byte(string target)
    {
        await using var resource = HeadEcho();
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = await host.RawAsync();

        await visitor.SendAsync($"GET {target} HTTP/1.1\r\nHost: CAT1.localhost:{host.Port}\r\nConnection: close\r\n\r\n");

        (await visitor.ReadAllAsync()).Should().Contain($"GET {target} HTTP/1.1\r\n").And.Contain($"Host: CAT1.localhost:{host.Port}\r\n");
    }

    [Fact]
    public async Task A_target_in_absolute_form_reaches_nobody_but_the_resource()
    {
        await using var resource = HeadEcho();
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = await host.RawAsync();

        await visitor.SendAsync("GET http://cat1.localhost/x%2Fy?z HTTP/1.1\r\nHost: cat1.localhost\r\nConnection: close\r\n\r\n");

        (await visitor.ReadAllAsync()).Should().Contain("GET /x%2Fy?z HTTP/1.1\r\n");
    }

    [Fact]
    public async Task Header_values_beyond_ascii_arrive_as_the_same_bytes_both_ways()
    {
        await using var resource = new RawServer(async (c, _) =>
        {
            var head = await c.ReadHeadAsync();
            var value = head.Split("\r\n").Single(l => l.StartsWith("X-Name:", StringComparison.Ordinal));
            await c.SendAsync($"HTTP/1.1 200 OK\r\nX-Back: {value[8..]}\r\nServer: mine\r\nContent-Length: 0\r\n\r\n");
            await c.ReadAllAsync();
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = await host.RawAsync();

        await visitor.SendAsync("GET / HTTP/1.1\r\nHost: cat1.localhost\r\nX-Name: caf\u00e9 \u00ff\u0080\r\nConnection: close\r\n\r\n");

        var answer = await visitor.ReadAllAsync();
        answer.Should().Contain("X-Back: caf\u00e9 \u00ff\u0080\r\n").And.Contain("Server: mine\r\n");
        answer.Split("Server:").Should().HaveCount(2);
    }

    [Theory]
    [InlineData("keep", "cat1.localhost")]
    [InlineData("resource", "127.0.0.1:PORT")]
    [InlineData("intranet.example", "intranet.example")]
    public async Task The_host_header_is_what_the_pipe_wants(string hostHeader, string expected)
    {
        await using var resource = HeadEcho();
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource, hostHeader);
        using var visitor = host.Visitor();

        using var request = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { Host = "cat1.localhost" } };
        var head = await (await visitor.SendAsync(request)).Content.ReadAsStringAsync();

        head.Should().Contain($"Host: {expected.Replace("PORT", resource.Port.ToString(), StringComparison.Ordinal)}\r\n");
    }

    [Fact]
    public async Task Forwarded_headers_are_set_afresh()
    {
        await using var resource = HeadEcho();
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource, "resource");
        using var visitor = await host.RawAsync();

        await visitor.SendAsync(
            "GET / HTTP/1.1\r\nHost: cat1.localhost\r\nX-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-Proto: https\r\n"
            + "Connection: close, X-Forwarded-For\r\n\r\n");

        var head = await visitor.ReadAllAsync();
        head.Should().Contain("X-Forwarded-For: 127.0.0.1\r\n").And.Contain("X-Forwarded-Host: cat1.localhost\r\n").And.Contain("X-Forwarded-Proto: http\r\n");
        head.Should().NotContain("6.6.6.6");
    }

    [Fact]
    public async Task A_trusted_proxys_forwarded_headers_are_continued()
    {
        await using var resource = HeadEcho();
        await using var host = await TunnelHost.StartAsync(o => o.TrustedProxies.Add("127.0.0.0/8"));
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = host.Visitor();
        visitor.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.7");
        visitor.DefaultRequestHeaders.Add("X-Forwarded-Proto", "https");

        var head = await visitor.GetStringAsync("/");

        head.Should().Contain("X-Forwarded-For: 192.0.2.7, 127.0.0.1\r\n").And.Contain("X-Forwarded-Proto: https\r\n");
    }

    [Fact]
    public async Task Head_not_modified_ranges_and_compressed_bodies_pass_untouched()
    {
        await using var resource = new RawServer(async (c, _) =>
        {
            while (await c.ReadHeadAsync() is { Length: > 0 } head)
            {
                await c.SendAsync(head switch
                {
                    _ when head.StartsWith("HEAD", StringComparison.Ordinal) => "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n",
                    _ when head.Contains("If-None-Match", StringComparison.Ordinal) => "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
                    _ when head.Contains("Range:", StringComparison.Ordinal) => "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-2/10\r\nContent-Length: 2\r\n\r\nbc",
                    _ => "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\u001f\u008b!!",
                });
            }
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = host.Visitor();

        using var head = await visitor.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/"));
        head.Content.Headers.ContentLength.Should().Be(12345);
        using var notModified = await visitor.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { { "If-None-Match", "\"a\"" } } });
        notModified.StatusCode.Should().Be(HttpStatusCode.NotModified);
        using var range = await visitor.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { { "Range", "bytes=1-2" } } });
        range.StatusCode.Should().Be(HttpStatusCode.PartialContent);
        range.Content.Headers.ContentRange!.ToString().Should().Be("bytes 1-2/10");
        using var zipped = await visitor.GetAsync("/");
        zipped.Content.Headers.ContentEncoding.Should().Equal("gzip");
        (await zipped.Content.ReadAsByteArrayAsync()).Should().Equal(Encoding.Latin1.GetBytes("\u001f\u008b!!"));
        resource.Connections.Should().Be(1, "the answers ended by their own framing");
    }
}
