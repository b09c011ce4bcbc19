using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>What a visitor writes is what the resource reads, byte for byte: both ends are raw sockets here.</summary>
[Trait("Requirement", "3.4")]
public sealed class FaithfulTests(NginxFixture stage) : IClassFixture<NginxFixture>
{
    [Theory]
    [InlineData("/a%2Fb/../c//d/%7Eu?x=%20y&z")]
    [InlineData("//twice//")]
    [InlineData("/../../etc/passwd")]
    [InlineData("/%2e%2e/%2E./.%2e/x")]
    [InlineData("/a%252Fb?")]
    [InlineData("/%C3%BCml%e4ut?q=%E9")]
    public async Task A_path_arrives_byte_for_byte(string path)
    {
        var (head, _) = await ExchangeAsync($"GET {path} HTTP/1.1");

        head.Split("\r\n")[0].Should().Be($"GET {path} HTTP/1.1");
    }

    [Fact]
    public async Task Latin_1_headers_cross_both_ways()
    {
        var (head, answer) = await ExchangeAsync("GET / HTTP/1.1", "X-Name: caf\u00e9 \u00ff");

        head.Should().Contain("\r\nX-Name: caf\u00e9 \u00ff\r\n");
        answer.Should().Contain("X-Answer: na\u00efve \u00fe\r\n");
    }

    [Fact]
    public async Task The_resource_sees_the_visitors_host_and_who_forwarded()
    {
        var (head, _) = await ExchangeAsync("GET / HTTP/1.1", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: gopher");

        head.Should().Contain($"Host: {stage.Service.Host("raw")}\r\n");
        head.Should().MatchRegex("X-Forwarded-For: 127\\.0\\.0\\.1\r\n");
        head.Should().Contain($"X-Forwarded-Host: {stage.Service.Host("raw")}\r\n").And.Contain("X-Forwarded-Proto: http\r\n");
        head.Should().NotContain("6.6.6.6").And.NotContain("evil.example").And.NotContain("gopher");
    }

    [Fact]
    [Trait("Requirement", "2.17")]
    public async Task The_hostname_is_the_same_in_capitals()
    {
        await using var visitor = await RawVisitor.ConnectAsync(stage.Service.Port);
        await visitor.RequestAsync("GET /index.html HTTP/1.1", stage.Host.ToUpperInvariant(), "Connection: close");

        (await visitor.ReadToEndAsync()).Should().StartWith("HTTP/1.1 200 ").And.EndWith("<h1>hello from nginx</h1>\n");
    }

    [Fact]
    public async Task A_name_that_nobody_serves_is_a_short_clean_404()
    {
        using var visitor = stage.Service.Visitor("nobody-here");

        using var response = await visitor.GetAsync("/<script>alert(1)</script>");

        ((int)response.StatusCode).Should().Be(404);
        (await response.Content.ReadAsStringAsync()).Should().NotContain("<script>alert");
        response.Content.Headers.ContentLength.Should().BeLessThan(4_000);
    }

    [Fact]
    public async Task A_resource_that_is_not_there_is_a_502_at_once()
    {
        await using var up = await stage.Service.UpAsync("todd", $"nothing=127.0.0.1:{FreePorts.One()}");
        using var visitor = stage.Service.Visitor("nothing");

        using var response = await visitor.GetAsync("/").Soon();

        ((int)response.StatusCode).Should().Be(502);
    }

    /// <summary>One request over a pipe to a raw resource: what the resource read, and what the visitor read.</summary>
    private async Task<(string Head, string Answer)> ExchangeAsync(string requestLine, params string[] headers)
    {
        await using var resource = new RawResource();
        await using var up = await stage.Service.UpAsync("todd", $"raw=127.0.0.1:{resource.Port}");
        await using var visitor = await RawVisitor.ConnectAsync(stage.Service.Port);
        await visitor.RequestAsync(requestLine, stage.Service.Host("raw"), [.. headers, "Connection: close"]);
        await using var connection = await resource.AcceptAsync();
        var head = await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 Fine\r\nX-Answer: na\u00efve \u00fe\r\nContent-Length: 2\r\n\r\nok");
        var answer = await visitor.ReadToEndAsync();
        answer.Should().StartWith("HTTP/1.1 200 ").And.EndWith("ok");
        up.SendInterrupt();
        (await up.ExitAsync()).Should().Be(130);
        return (head, answer);
    }
}
