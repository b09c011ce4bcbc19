using System.Net;
using System.Net.WebSockets;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Security;

/// <summary>Pipes are other people's sites: the service answers on its own hosts only, and no page of a pipe can act on it.</summary>
[Trait("Guarantee", "G5")]
[Trait("Requirement", "3.9")]
public sealed class HostAndOriginTests
{
    [Theory]
    [InlineData("GET", "/auth")]
    [InlineData("POST", "/auth/development")]
    [InlineData("GET", "/control")]
    [InlineData("POST", "/data/negotiate")]
    [InlineData("GET", "/data/carry")]
    [InlineData("GET", "/health/ready")]
    public async Task At_a_pipes_host_every_path_belongs_to_the_pipe(string method, string path)
    {
        await using var node = await TestNode.StartAsync();
        await using var resource = new RawResource(async connection =>
        {
            var line = (await connection.ReadHeadAsync()).Split("\r\n")[0];
            await connection.SendAsync($"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {line.Length}\r\n\r\n{line}");
        });
        await using var owner = await node.ConnectAsync("todd");
        await using var pipe = await owner.Pipes.OpenAsync("cat1", resource.Authority);

        using var response = await node.VisitAsync("cat1", path, new HttpMethod(method));

        (await response.Content.ReadAsStringAsync()).Should().Be($"{method} {path} HTTP/1.1");
    }

    [Theory]
    [InlineData("evil.example")]
    [InlineData("rebind.test:80")]
    [InlineData("nobody.localhost")]
    public async Task At_a_host_that_is_not_its_own_the_service_is_not_there(string host)
    {
        await using var node = await TestNode.StartAsync();
        foreach (var path in new[] { "auth", "data", "control", "auth/development" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Host = host;
            request.Headers.Authorization = new("Bearer", node.Token("amy"));

            using var response = await node.Http.SendAsync(request);

            response.StatusCode.Should().Be(HttpStatusCode.NotFound, "{0} at {1}", path, host);
        }
    }

    [Theory]
    [InlineData("https://evil.example", false)]
    [InlineData("null", false)]
    [InlineData("http://cat1.localhost:PORT", false)]
    [InlineData("http://app.example.org", true)]
    [InlineData("http://app.example.org.evil.example", false)]
    [InlineData("https://app.example.org", false)]
    [InlineData(null, true)]
    public async Task An_upgrade_from_a_foreign_origin_is_refused_with_a_valid_token_too(string? origin, bool isAllowed)
    {
        await using var node = await TestNode.StartAsync(setup =>
        {
            setup.Environment = "Production";
            setup.Settings["Duplexity:Origins:0"] = "http://app.example.org";
        });
        foreach (var hub in new[] { "data", "control" })
        {
            using var socket = new ClientWebSocket();
            socket.Options.SetRequestHeader("Authorization", $"Bearer {node.Token("amy")}");
            if (origin is not null)
            {
                socket.Options.SetRequestHeader("Origin", origin.Replace("PORT", $"{node.Port}", StringComparison.Ordinal));
            }

            var connecting = () => socket.ConnectAsync(new Uri($"ws://127.0.0.1:{node.Port}/{hub}"), CancellationToken.None).Soon();

            if (isAllowed)
            {
                await connecting();
                socket.State.Should().Be(WebSocketState.Open);
            }
            else
            {
                await connecting.Should().ThrowAsync<WebSocketException>();
                socket.HttpStatusCode.Should().BeOneOf(HttpStatusCode.Forbidden, 0);
            }
        }
    }

    [Theory]
    [InlineData("data")]
    [InlineData("control")]
    [InlineData("data/carry")]
    [Trait("Requirement", "2.4")]
    public async Task Without_a_token_nothing_is_opened_whatever_cookies_come(string path)
    {
        await using var node = await TestNode.StartAsync();
        await using var visitor = await RawVisitor.ConnectAsync(node.Port);

        await visitor.RequestAsync(
            $"GET /{path} HTTP/1.1",
            $"127.0.0.1:{node.Port}",
            $"Cookie: access_token={node.Token("amy")}; __Host-duplexity={node.Token("amy")}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==");

        (await visitor.ReadHeadAsync()).Should().StartWith("HTTP/1.1 401 ");
    }

    [Fact]
    public async Task A_page_of_a_pipe_cannot_use_a_token_that_it_got_hold_of()
    {
        await using var node = await TestNode.StartAsync();
        await using var resource = new RawResource(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nevil");
        });
        await using var owner = await node.ConnectAsync("mallory");
        await using var pipe = await owner.Pipes.OpenAsync("evil", resource.Authority);
        await using var browser = await Browser.StartAsync();
        var page = await browser.OpenAsync($"http://evil.localhost:{node.Port}/");
        (await page.ContentAsync()).Should().Contain("evil");

        var results = new List<string>();
        foreach (var hub in new[] { "control", "data" })
        {
            results.Add(await page.EvaluateAsync<string>($$"""
                () => new Promise(done => {
                  const socket = new WebSocket("ws://localhost:{{node.Port}}/{{hub}}?access_token={{node.Token("amy")}}");
                  socket.onopen = () => done("open");
                  socket.onerror = () => done("refused");
                })
                """));
        }

        results.Add(await page.EvaluateAsync<string>($$"""
            () => fetch("http://localhost:{{node.Port}}/auth", { headers: { authorization: "Bearer {{node.Token("amy")}}" }, credentials: "include" })
              .then(r => r.text(), () => "refused")
            """));

        results.Should().AllBe("refused");
    }
}
