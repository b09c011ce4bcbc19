using System.Collections.Concurrent;
using System.Net;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

[Trait("Guarantee", "G12")]
[Trait("Requirement", "3.7")]
public sealed class OnceTests
{
    [Theory]
    [InlineData("GET", null)]
    [InlineData("HEAD", null)]
    [InlineData("DELETE", null)]
    [InlineData("POST", "")]
    [InlineData("PUT", "")]
    [InlineData("POST", "a body")]
    [InlineData("PUT", "in chunks")]
    public async Task A_request_whose_connection_ends_before_the_answer_is_not_repeated(string method, string? body)
    {
        var seen = new ConcurrentDictionary<string, int>();
        await using var resource = new RawServer(async (c, _) =>
        {
            // The first request of a connection is answered, the second read and left without an answer.
            while (await c.ReadHeadAsync() is { Length: > 0 } head)
            {
                var target = head.Split(' ')[1];
                seen.AddOrUpdate(target, 1, (_, n) => n + 1);
                if (target != "/warm")
                {
                    return;
                }

                await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = host.Visitor();

        for (var i = 0; i < 5; i++)
        {
            (await visitor.GetAsync("/warm")).StatusCode.Should().Be(HttpStatusCode.OK);
            using var request = new HttpRequestMessage(new HttpMethod(method), $"/pay{i}") { Content = body is null ? null : new StringContent(body) };
            request.Headers.TransferEncodingChunked = body == "in chunks" ? true : null;
            using var answer = await visitor.SendAsync(request);
            answer.StatusCode.Should().Be(HttpStatusCode.BadGateway);
            using var fresh = await visitor.SendAsync(new HttpRequestMessage(new HttpMethod(method), $"/fresh{i}"));
            fresh.StatusCode.Should().Be(HttpStatusCode.BadGateway);
        }

        seen.Where(s => s.Key != "/warm").Should().HaveCount(10).And.OnlyContain(s => s.Value == 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_to_a_resource_of_http_2_which_drops_it_or_the_whole_connection_is_not_repeated(bool wholeConnection)
    {
        var seen = new ConcurrentDictionary<string, int>();
        await using var resource = await Resources.StartAsync(
            app => app.Run(context =>
            {
                seen.AddOrUpdate(context.Request.Path, 1, (_, n) => n + 1);
                if (!context.Request.Path.StartsWithSegments("/pay"))
                {
                    return context.Response.WriteAsync("ok");
                }

                if (wholeConnection)
                {
                    context.Features.GetRequiredFeature<IConnectionLifetimeFeature>().Abort();
                }
                else
                {
                    context.Abort();
                }

                return Task.CompletedTask;
            }),
            HttpProtocols.Http2);
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.At("h2c"));
        using var visitor = host.Visitor();
        string?[] bodies = [null, "", "a body"];

        for (var i = 0; i < 12; i++)
        {
            using var request = new HttpRequestMessage(new HttpMethod(i % 4 == 0 ? "DELETE" : "POST"), $"/pay/{i}") { Content = i % 4 == 0 || bodies[i % 3] is not { } body ? null : new StringContent(body) };
            using var answer = await visitor.SendAsync(request);
            answer.StatusCode.Should().Be(HttpStatusCode.BadGateway);
            (await visitor.GetStringAsync($"/{i}")).Should().Be("ok");
        }

        seen.Should().HaveCount(24).And.OnlyContain(s => s.Value == 1);
    }

    [Fact]
    public async Task A_client_killed_in_the_middle_repeats_nothing()
    {
        var seen = new ConcurrentDictionary<string, int>();
        var reached = new SemaphoreSlim(0);
        await using var resource = new RawServer(async (c, _) =>
        {
            while (await c.ReadHeadAsync() is { Length: > 0 } head)
            {
                seen.AddOrUpdate(head.Split(' ')[1], 1, (_, n) => n + 1);
                reached.Release();
                await c.ReadUntilAsync("never");
            }
        });
        await using var host = await TunnelHost.StartAsync();
        var client = host.Connect();
        await client.ServeAsync("cat1", resource.Resource);
        using var visitor = host.Visitor();

        var requests = Enumerable.Range(0, 20).Select(i => visitor.DeleteAsync($"/{i}")).ToArray();
        for (var i = 0; i < requests.Length; i++)
        {
            (await reached.WaitAsync(TunnelHost.Patience)).Should().BeTrue();
        }

        client.Kill();

        (await Task.WhenAll(requests)).Should().OnlyContain(r => r.StatusCode == HttpStatusCode.BadGateway);
        seen.Should().HaveCount(20).And.OnlyContain(s => s.Value == 1);
        (await visitor.GetAsync("/after")).StatusCode.Should().Be(HttpStatusCode.BadGateway, "the client is away, and that is known at once");
    }

    [Fact]
    public async Task Visitors_who_wait_for_a_client_that_dies_are_told_at_once()
    {
        await using var host = await TunnelHost.StartAsync(o => o.Times.Carry = o.Times.SessionGrace = 4 * TunnelHost.Patience);
        var client = host.Connect();
        var ordered = new SemaphoreSlim(0);
        client.OnCarry = _ =>
        {
            ordered.Release();
            return Task.CompletedTask;
        };
        await client.ServeAsync("cat1", "http://127.0.0.1:1");
        using var visitor = host.Visitor();

        var requests = Enumerable.Range(0, 5).Select(i => visitor.GetAsync($"/{i}")).ToArray();
        for (var i = 0; i < requests.Length; i++)
        {
            (await ordered.WaitAsync(TunnelHost.Patience)).Should().BeTrue();
        }

        client.Kill();

        (await Task.WhenAll(requests)).Should().OnlyContain(r => r.StatusCode == HttpStatusCode.BadGateway);
    }

    [Fact]
    public async Task A_request_of_which_no_byte_was_written_gets_a_new_carrier()
    {
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); // says keep-alive and closes
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = host.Visitor();

        var answered = 0;
        for (var i = 0; i < 50; i++)
        {
            using var answer = await visitor.GetAsync($"/{i}");
            answered += answer.StatusCode == HttpStatusCode.OK ? 1 : 0;
        }

        // Where the end crosses the next request on its way, that one is lost and not repeated; where it was seen first, nobody notices.
        answered.Should().BeGreaterThan(0);
        resource.Connections.Should().BeLessThanOrEqualTo(50);
    }
}
