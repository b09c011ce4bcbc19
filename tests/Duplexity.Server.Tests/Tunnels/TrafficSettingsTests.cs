using System.Net;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

[Trait("Requirement", "3.4")]
public sealed class TrafficSettingsTests
{
    [Fact]
    public async Task Headers_are_set_and_removed_on_both_ways()
    {
        await using var resource = await Resources.StartAsync(app => app.Run(context =>
        {
            context.Response.Headers["X-Powered-By"] = "secret 1.0";
            context.Response.Headers["Cache-Control"] = "public";
            var seen = context.Request.Headers;
            return context.Response.WriteAsync($"{seen["X-Env"]}|{seen["Cookie"]}|{seen["Content-Type"]}|{seen["Accept"]}");
        }));
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync(new PipeRegistration
        {
            Name = "cat1",
            Resource = resource.At("http"),
            RequestHeaders = [new() { Name = "x-env", Value = "preview" }, new() { Name = "cookie" }, new() { Name = "content-type", Value = "text/plain" }],
            ResponseHeaders = [new() { Name = "X-Powered-By" }, new() { Name = "Cache-Control", Value = "no-store" }, new() { Name = "X-Robots-Tag", Value = "noindex" }],
        });
        using var visitor = host.Visitor();

        using var request = new HttpRequestMessage(HttpMethod.Post, "/") { Content = new ByteArrayContent("{}"u8.ToArray()) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        request.Headers.TryAddWithoutValidation("Cookie", "a=b");
        request.Headers.TryAddWithoutValidation("X-Env", "live");
        request.Headers.TryAddWithoutValidation("Accept", "x/y");
        using var answer = await visitor.SendAsync(request);
        (await answer.Content.ReadAsStringAsync()).Should().Be("preview||text/plain|x/y");
        answer.Headers.Contains("X-Powered-By").Should().BeFalse();
        answer.Headers.GetValues("Cache-Control").Should().Equal("no-store");
        answer.Headers.GetValues("X-Robots-Tag").Should().Equal("noindex");
    }

    [Theory]
    [InlineData("Host", "x")]
    [InlineData("Content-Length", "1")]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData("Connection", null)]
    [InlineData("Upgrade", "h2c")]
    [InlineData("TE", "trailers")]
    [InlineData("Duplexity-Identity", "x")]
    [InlineData("duplexity_identity", "x")]
    [InlineData("X Y", "x")]
    [InlineData("X-Y:", "x")]
    [InlineData("", "x")]
    [InlineData("X-Y", "a\r\nX-Z: b")]
    [InlineData("X-Y", "\u0153")]
    [Trait("Guarantee", "G13")]
    public async Task Headers_that_frame_route_or_vouch_are_nobodys_to_change(string name, string? value)
    {
        await using var host = await TunnelHost.StartAsync();
        var owner = host.Connect();
        PipeHeader[] headers = [new() { Name = name, Value = value }];
        foreach (var pipe in new PipeRegistration[] { new() { RequestHeaders = headers }, new() { ResponseHeaders = headers } })
        {
            var answer = await host.Pipes.RegisterAsync(owner.Session, TunnelHost.Everything, [pipe with { Name = "cat1", Resource = "http://localhost:1" }], default);
            answer.Error!.Code.Should().Be(Errors.InvalidPipe.Code);
        }
    }

    [Fact]
    public async Task Settings_that_are_none_are_refused()
    {
        await using var host = await TunnelHost.StartAsync(o => o.Pipes.Ports = "7000-7099");
        var owner = host.Connect();
        PipeRegistration http = new() { Name = "cat1", Resource = "http://localhost:1" };
        foreach (var pipe in new[]
        {
            http with { Carriers = "mine" }, http with { HeaderTimeoutMs = 0 }, http with { IdleTimeoutMs = -1 }, http with { IdleTimeoutMs = 86_400_001 },
            new() { Name = ":", Resource = "tcp://localhost:1", HeaderTimeoutMs = 1 }, new() { Name = "cat2", Resource = "tls://localhost:1", Routes = [new() { Path = "/a", Resource = "http://localhost:1" }] },
        })
        {
            (await host.Pipes.RegisterAsync(owner.Session, TunnelHost.Everything, [pipe], default)).Error!.Code.Should().Be(Errors.InvalidPipe.Code);
        }
    }

    [Theory]
    [InlineData("http")]
    [InlineData("h2c")]
    public async Task An_answer_that_does_not_begin_in_time_is_a_504_and_the_resource_is_left(string scheme)
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var (arrived, left) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var resource = await Resources.StartAsync(
            app => app.Run(async context =>
            {
                using var leave = context.RequestAborted.Register(() => left.TrySetResult());
                arrived.SetResult();
                await left.Task;
            }),
            scheme == "http" ? Microsoft.AspNetCore.Server.Kestrel.Core.HttpProtocols.Http1 : Microsoft.AspNetCore.Server.Kestrel.Core.HttpProtocols.Http2);
        await using var host = await TunnelHost.StartAsync(time: time);
        await host.Connect().ServeAsync(new PipeRegistration { Name = "cat1", Resource = resource.At(scheme), HeaderTimeoutMs = 5_000 });
        using var visitor = host.Visitor();

        var visit = visitor.PostAsync("/", new StringContent("x"));
        await arrived.Task.WaitAsync(TunnelHost.Patience);
        while (!visit.IsCompleted)
        {
            // Each piece of the visitor's body begins the time anew, and the last may be counted only now.
            time.Advance(TimeSpan.FromSeconds(6));
            await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(20));
        }

        using var answer = await visit;
        answer.StatusCode.Should().Be(HttpStatusCode.GatewayTimeout);
        await left.Task.WaitAsync(TunnelHost.Patience);
    }

    [Fact]
    public async Task An_answer_that_does_not_go_on_is_cut_and_a_stream_is_not()
    {
        var end = new TaskCompletionSource();
        await using var resource = await Resources.StartAsync(app => app.Run(async context =>
        {
            context.Response.ContentType = context.Request.Path == "/events" ? "text/event-stream" : "text/plain";
            await context.Response.WriteAsync("data: 1\n\n");
            await context.Response.Body.FlushAsync();
            await end.Task.WaitAsync(TunnelHost.Patience);
            await context.Response.WriteAsync("data: 2\n\n");
        }));
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync(new PipeRegistration { Name = "cat1", Resource = resource.At("http"), IdleTimeoutMs = 50 });
        using var visitor = host.Visitor();

        using var reader = new StreamReader(await visitor.GetStreamAsync("/events"));
        (await reader.ReadLineAsync()).Should().Be("data: 1");
        var cut = async () => await visitor.GetStringAsync("/plain").WaitAsync(TunnelHost.Patience);
        await cut.Should().ThrowAsync<HttpRequestException>();

        // By now the stream has been silent for longer.
        end.SetResult();
        (await reader.ReadToEndAsync().WaitAsync(TunnelHost.Patience)).Should().EndWith("data: 2\n\n");
    }

    [Fact]
    [Trait("Guarantee", "G13")]
    public async Task Carriers_per_visitor_stay_with_their_visitors_connection_and_end_with_it()
    {
        await using var resource = new RawServer(async (c, n) =>
        {
            while (await c.ReadHeadAsync() is { Length: > 0 })
            {
                await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {$"{n}".Length}\r\n\r\n{n}");
            }
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync(new PipeRegistration { Name = "cat1", Resource = resource.Resource, Carriers = "per-visitor" });
        using var first = host.Visitor();
        using var second = host.Visitor();

        (await first.GetStringAsync("/")).Should().Be("1");
        (await second.GetStringAsync("/")).Should().Be("2");
        (await first.GetStringAsync("/")).Should().Be("1");
        (await second.GetStringAsync("/")).Should().Be("2");
        first.Dispose();
        using var third = host.Visitor();
        (await third.GetStringAsync("/")).Should().Be("3");
    }
}
