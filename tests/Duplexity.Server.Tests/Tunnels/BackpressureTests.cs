using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>Who does not read holds up who writes, and nobody's memory takes what lies between.</summary>
[Trait("Requirement", "3.3")]
[Trait("Requirement", "3.4")]
public sealed class BackpressureTests
{
    private const int Megabyte = 1024 * 1024;
    private const int Whole = 200 * Megabyte;

    // Socket buffers of three connections on loopback (some MB each) and the windows of HTTP/2; a pipe that took everything would have 200 MB.
    private const long Most = 48 * Megabyte;

    // How long a write that makes no way stands still; too short a time can only make this test kinder, never fail.
    private static readonly TimeSpan Still = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData("http", HttpProtocols.Http1)]
    [InlineData("h2c", HttpProtocols.Http2)]
    public async Task A_reader_who_stops_stops_the_writer(string scheme, HttpProtocols protocol)
    {
        var written = 0L;
        var stalled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var resource = await Resources.StartAsync(
            app => app.MapGet("/", async context =>
            {
                var piece = new byte[Megabyte];
                while (written < Whole)
                {
                    var write = context.Response.Body.WriteAsync(piece).AsTask();
                    if (await Task.WhenAny(write, Task.Delay(Still)) != write)
                    {
                        stalled.TrySetResult();
                    }

                    await write;
                    written += piece.Length;
                }

                stalled.TrySetResult();
            }),
            protocol);
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.At(scheme));
        using var visitor = host.Visitor();
        using var answer = await visitor.GetAsync("/", HttpCompletionOption.ResponseHeadersRead);

        await stalled.Task.WaitAsync(TunnelHost.Patience);
        Volatile.Read(ref written).Should().BeLessThan(Most);

        // And it goes on where it stood.
        await using var body = await answer.Content.ReadAsStreamAsync();
        var buffer = new byte[Megabyte];
        var read = 0L;
        while (await body.ReadAsync(buffer).AsTask().WaitAsync(TunnelHost.Patience) is var count and > 0)
        {
            read += count;
        }

        read.Should().Be(Whole);
    }

    [Fact]
    public async Task A_resource_that_stops_reading_stops_the_visitor()
    {
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.ReadHeadAsync();
            await go.Task;
            var buffer = new byte[Megabyte];
            for (var read = 0L; read < Whole;)
            {
                read += await c.Stream.ReadAsync(buffer);
            }

            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = await host.RawAsync();
        await visitor.SendAsync($"POST / HTTP/1.1\r\nHost: cat1.localhost\r\nContent-Length: {Whole}\r\n\r\n");

        var piece = new byte[Megabyte];
        var sent = 0L;
        while (sent < Whole)
        {
            var write = visitor.Stream.WriteAsync(piece).AsTask();
            if (!go.Task.IsCompleted && await Task.WhenAny(write, Task.Delay(Still)) != write)
            {
                sent.Should().BeLessThan(Most);
                go.SetResult();
            }

            await write.WaitAsync(TunnelHost.Patience);
            sent += piece.Length;
        }

        go.Task.IsCompleted.Should().BeTrue("the visitor was held up");
        (await visitor.ReadUntilAsync("ok")).Should().StartWith("HTTP/1.1 200");
    }
}
