using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

[Trait("Requirement", "3.4")]
public sealed class StreamingTests
{
    private const int Megabyte = 1024 * 1024;

    [Fact]
    [Trait("Requirement", "2.16")]
    public async Task A_hundred_megabytes_arrive_whole_both_ways()
    {
        var piece = RandomNumberGenerator.GetBytes(Megabyte);
        await using var resource = await ServeAsync(app =>
        {
            app.MapPost("/", async context =>
            {
                context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
                await context.Response.WriteAsync(Convert.ToHexString(await SHA256.HashDataAsync(context.Request.Body)));
            });
            app.MapGet("/", async context =>
            {
                for (var i = 0; i < 100; i++)
                {
                    await context.Response.Body.WriteAsync(piece);
                }
            });
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Urls.Single());
        using var visitor = host.Visitor();
        visitor.Timeout = TimeSpan.FromMinutes(2);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < 100; i++)
        {
            hash.AppendData(piece);
        }

        var whole = Convert.ToHexString(hash.GetHashAndReset());
        using var sized = await visitor.PostAsync("/", new Pieces(piece, 100, sized: true));
        (await sized.Content.ReadAsStringAsync()).Should().Be(whole);
        using var chunked = await visitor.PostAsync("/", new Pieces(piece, 100, sized: false));
        (await chunked.Content.ReadAsStringAsync()).Should().Be(whole);
        await using var download = await visitor.GetStreamAsync("/");
        Convert.ToHexString(await SHA256.HashDataAsync(download)).Should().Be(whole);
    }

    [Fact]
    public async Task Messages_over_a_websocket_come_back_text_and_binary()
    {
        await using var resource = await ServeAsync(app =>
        {
            app.UseWebSockets();
            app.Run(async context =>
            {
                using var socket = await context.WebSockets.AcceptWebSocketAsync();
                var buffer = new byte[64 * 1024];
                while (await socket.ReceiveAsync(buffer, CancellationToken.None) is { MessageType: not WebSocketMessageType.Close } received)
                {
                    await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, CancellationToken.None);
                }

                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", CancellationToken.None);
            });
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Urls.Single());
        using var visitor = new ClientWebSocket();
        visitor.Options.SetRequestHeader("Host", "cat1.localhost");
        await visitor.ConnectAsync(new Uri($"ws://127.0.0.1:{host.Port}/ws"), CancellationToken.None);

        var buffer = new byte[4096];
        for (var i = 0; i < 200; i++)
        {
            var message = Encoding.UTF8.GetBytes($"message {i}");
            var type = i % 2 == 0 ? WebSocketMessageType.Text : WebSocketMessageType.Binary;
            await visitor.SendAsync(message, type, true, CancellationToken.None);
            var back = await visitor.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(TunnelHost.Patience);
            back.MessageType.Should().Be(type);
            buffer[..back.Count].Should().Equal(message);
        }

        await visitor.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", CancellationToken.None).WaitAsync(TunnelHost.Patience);
        visitor.CloseStatusDescription.Should().Be("bye");
    }

    [Fact]
    public async Task Server_sent_events_arrive_one_by_one()
    {
        var next = new SemaphoreSlim(1);
        await using var resource = await ServeAsync(app => app.MapGet("/", async context =>
        {
            context.Response.ContentType = "text/event-stream";
            for (var i = 0; i < 20; i++)
            {
                await next.WaitAsync();
                await context.Response.WriteAsync($"data: {i}\n\n");
            }
        }));
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Urls.Single());
        using var visitor = host.Visitor();

        using var reader = new StreamReader(await visitor.GetStreamAsync("/"));
        for (var i = 0; i < 20; i++)
        {
            // The next event is not even made before this one has arrived.
            (await reader.ReadLineAsync().WaitAsync(TunnelHost.Patience)).Should().Be($"data: {i}");
            await reader.ReadLineAsync();
            next.Release();
        }
    }

    [Fact]
    public async Task Visitors_who_abandon_downloads_leave_the_next_one_served_at_once()
    {
        var ended = new SemaphoreSlim(0);
        await using var resource = await ServeAsync(app =>
        {
            app.MapGet("/", () => "hello");
            app.MapGet("/big", async context =>
            {
                var piece = new byte[Megabyte];
                try
                {
                    // Not for ever: Kestrel takes writes to a broken connection without a word, and fifty loops that never wait would starve its own news of the end.
                    for (var i = 0; i < 100; i++)
                    {
                        await context.Response.Body.WriteAsync(piece, context.RequestAborted);
                    }
                }
                finally
                {
                    ended.Release();
                }
            });
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Urls.Single());

        for (var round = 0; round < 3; round++)
        {
            var visitors = Enumerable.Range(0, 50).Select(_ => host.Visitor()).ToArray();
            var downloads = await Task.WhenAll(visitors.Select(async v =>
            {
                var stream = await v.GetStreamAsync("/big");
                await stream.ReadExactlyAsync(new byte[1000]);
                return stream;
            }));

            // The stream's end is what abandons a download: an HttpClient that is disposed of leaves those under way alone.
            Array.ForEach(downloads, d => d.Dispose());
            Array.ForEach(visitors, v => v.Dispose());

            using var next = host.Visitor();
            next.Timeout = TestTimeout.Soon;
            (await next.GetStringAsync("/")).Should().Be("hello");
        }

        for (var i = 0; i < 150; i++)
        {
            (await ended.WaitAsync(TunnelHost.Patience)).Should().BeTrue("the resource sees that its visitor is gone");
        }
    }

    [Fact]
    [Trait("Requirement", "3.3")]
    [Trait("Requirement", "2.22")]
    public async Task A_visitor_who_does_not_read_slows_nobody_else()
    {
        await using var resource = await ServeAsync(app =>
        {
            app.MapGet("/", () => "hello");
            app.MapGet("/big", async context =>
            {
                var piece = new byte[Megabyte];
                for (var i = 0; i < 200; i++)
                {
                    await context.Response.Body.WriteAsync(piece, context.RequestAborted);
                }
            });
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Urls.Single());
        using var slow = host.Visitor();
        using var stalled = await slow.GetAsync("/big", HttpCompletionOption.ResponseHeadersRead);

        using var visitor = host.Visitor();
        visitor.Timeout = TimeSpan.FromSeconds(10);
        for (var i = 0; i < 100; i++)
        {
            (await visitor.GetStringAsync("/")).Should().Be("hello");
        }
    }

    [Fact]
    public async Task A_visitor_who_gives_up_ends_the_request_at_the_resource()
    {
        var reached = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        await using var resource = await ServeAsync(app => app.MapGet("/", async context =>
        {
            using var abort = context.RequestAborted.Register(ended.SetResult);
            reached.SetResult();
            await ended.Task;
        }));
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Urls.Single());
        using var visitor = host.Visitor();
        using var giveUp = new CancellationTokenSource();

        var request = visitor.GetAsync("/", giveUp.Token);
        await reached.Task.WaitAsync(TunnelHost.Patience);
        await giveUp.CancelAsync();

        await ended.Task.WaitAsync(TunnelHost.Patience);
        await request.Invoking(r => r).Should().ThrowAsync<OperationCanceledException>();
    }

    private static async Task<WebApplication> ServeAsync(Action<WebApplication> configure)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.Listen(IPAddress.Loopback, 0);
            k.Limits.MinRequestBodyDataRate = null;
            k.Limits.MinResponseDataRate = null;
        });
        var app = builder.Build();
        configure(app);
        await app.StartAsync();
        return app;
    }

    private sealed class Pieces(byte[] piece, int count, bool sized) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            for (var i = 0; i < count; i++)
            {
                await stream.WriteAsync(piece);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = (long)piece.Length * count;
            return sized;
        }
    }
}
