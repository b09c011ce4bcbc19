using System.Net;
using System.Net.Http.Headers;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>Each test asks as two visitors, one after the other, at a resource that misbehaves: nobody gets what was meant for another.</summary>
[Trait("Guarantee", "G13")]
public sealed class SharedCarrierTests
{
    [Fact]
    public async Task A_second_answer_to_one_request_reaches_nobody()
    {
        await using var resource = new RawServer(async (c, n) =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n#{n}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET");
            await c.ReadHeadAsync();
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n??");
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var first = host.Visitor();
        using var second = host.Visitor();

        (await first.GetStringAsync("/")).Should().Be("#1");
        (await second.GetStringAsync("/")).Should().Be("#2");
    }

    [Fact]
    public async Task An_answer_before_the_body_was_read_ends_the_carrier()
    {
        await using var resource = new RawServer(async (c, n) =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync($"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n#{n}");
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var first = host.Visitor();
        using var second = host.Visitor();

        using var early = await first.PostAsync("/", new ByteArrayContent(new byte[4 * 1024 * 1024]));
        early.StatusCode.Should().Be(HttpStatusCode.RequestEntityTooLarge, "an early answer gets through");
        (await early.Content.ReadAsStringAsync()).Should().Be("#1");
        using var next = await second.GetAsync("/");
        (await next.Content.ReadAsStringAsync()).Should().Be("#2");
    }

    [Theory]
    [Trait("Guarantee", "G12")]
    [InlineData("HTTP/1.0 200 OK", "#2")]
    [InlineData("HTTP/1.0 200 OK\r\nConnection: Keep-Alive", "#1")]
    [InlineData("HTTP/1.1 200 OK\r\nConnection: close", "#2")]
    public async Task A_resource_that_will_close_after_its_answer_gets_no_second_request_on_that_carrier(string head, string next)
    {
        await using var resource = new RawServer(async (c, n) =>
        {
            // It has not closed yet when the next visitor comes.
            while ((await c.ReadHeadAsync()).Length > 0)
            {
                await c.SendAsync($"{head}\r\nContent-Length: 2\r\n\r\n#{n}");
            }
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = host.Visitor();

        (await visitor.GetStringAsync("/")).Should().Be("#1");
        (await visitor.GetStringAsync("/")).Should().Be(next);
    }

    [Fact]
    public async Task A_resource_that_ignores_an_upgrade_gets_no_second_visitor_on_that_carrier()
    {
        await using var resource = new RawServer(async (c, n) =>
        {
            while ((await c.ReadHeadAsync()).Length > 0)
            {
                await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n#{n}");
            }
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var first = await host.RawAsync();
        using var second = host.Visitor();

        await first.SendAsync("GET / HTTP/1.1\r\nHost: cat1.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
        (await first.ReadUntilAsync("#1")).Should().Contain("200 OK");
        (await second.GetStringAsync("/")).Should().Be("#2");
    }

    [Fact]
    public async Task Upgrade_to_h2c_never_passes()
    {
        var heads = new List<string>();
        await using var resource = new RawServer(async (c, _) =>
        {
            heads.Add(await c.ReadHeadAsync());
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            heads.Add(await c.ReadHeadAsync());
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = await host.RawAsync();

        await visitor.SendAsync("GET / HTTP/1.1\r\nHost: cat1.localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
        (await visitor.ReadUntilAsync("\r\n\r\nok")).Should().StartWith("HTTP/1.1 200");

        heads.Should().ContainSingle().Which.Should().NotContainEquivalentOf("upgrade").And.NotContainEquivalentOf("http2");
    }

    [Theory]
    [InlineData("NTLM", true)]
    [InlineData("Negotiate", true)]
    [InlineData("Negotiate", false)]
    public async Task A_connection_that_is_signed_in_stays_with_its_visitor(string scheme, bool asked)
    {
        await using var resource = new RawServer(async (c, n) =>
        {
            // Signs in the connection, as IIS does.
            var signedIn = false;
            while (await c.ReadHeadAsync() is { Length: > 0 } head)
            {
                signedIn |= head.Contains("Authorization:", StringComparison.Ordinal) || (!asked && head.Contains("GET /login", StringComparison.Ordinal));
                var challenge = signedIn && asked ? "" : $"WWW-Authenticate: {scheme}\r\n";
                await c.SendAsync($"HTTP/1.1 {(signedIn ? 200 : 401)} x\r\n{challenge}Content-Length: 2\r\n\r\n#{n}");
            }
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var first = host.Visitor();
        using var second = host.Visitor();

        using var login = new HttpRequestMessage(HttpMethod.Get, "/login");
        login.Headers.Authorization = asked ? new AuthenticationHeaderValue(scheme, "abc") : null;
        using var answer = await first.SendAsync(login);
        answer.StatusCode.Should().Be(HttpStatusCode.OK);
        var connection = await answer.Content.ReadAsStringAsync();

        using var other = await second.GetAsync("/");
        other.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        using var again = await first.GetAsync("/");
        again.StatusCode.Should().Be(HttpStatusCode.OK);
        (await again.Content.ReadAsStringAsync()).Should().Be(connection, "the first visitor keeps the connection that knows them");
    }
}
