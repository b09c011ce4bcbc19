using System.Collections.Concurrent;
using System.Security.Cryptography;
using Duplexity.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>A web application as somebody's laptop might run it: uploads, downloads, WebSockets, server-sent events. Everything below <c>/app</c>.</summary>
public sealed class EchoApp : IAsyncDisposable
{
    private const int Chunk = 64 * 1024;

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _signals = new();

    private EchoApp(WebApplication app) => _app = app;

    /// <summary>The port.</summary>
    public int Port => new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

    /// <summary>Starts it on a loopback port.</summary>
    public static async Task<EchoApp> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.WebHost.ConfigureKestrel(o => o.Limits.MaxRequestBodySize = null);
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var echo = new EchoApp(app);
        app.UseWebSockets();
        app.Map("/app/where", (HttpRequest request) => $"{request.Method} {request.Path}{request.QueryString} {request.Host}");
        app.Map("/app/headers", (HttpRequest request) => request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString()));
        app.MapPost("/app/upload", async (HttpRequest request) => Convert.ToHexString(await SHA256.HashDataAsync(request.Body)));
        app.MapGet("/app/download", (HttpContext context, long bytes) => SendAsync(context, bytes));
        app.MapGet("/app/ws", EchoAsync);
        app.MapGet("/app/events", echo.EventsAsync);
        app.MapGet("/app/endless", echo.EndlessAsync);
        app.MapPost("/app/swallow", echo.SwallowAsync);
        await app.StartAsync();
        return echo;
    }

    /// <summary>A named moment: something in the application waits for it or tells it.</summary>
    public TaskCompletionSource Signal(string name) => _signals.GetOrAdd(name, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    /// <summary>The bytes that <c>/app/download</c> gives, as their hash.</summary>
    public static string DownloadHash(long bytes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunk = ChunkOf();
        for (var left = bytes; left > 0; left -= chunk.Length)
        {
            hash.AppendData(chunk, 0, (int)Math.Min(left, chunk.Length));
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static byte[] ChunkOf() => [.. Enumerable.Range(0, Chunk).Select(i => (byte)(i * 31 + i / 251))];

    private static async Task SendAsync(HttpContext context, long bytes)
    {
        context.Response.ContentLength = bytes;
        var chunk = ChunkOf();
        for (var left = bytes; left > 0; left -= chunk.Length)
        {
            await context.Response.Body.WriteAsync(chunk.AsMemory(0, (int)Math.Min(left, chunk.Length)), context.RequestAborted);
        }
    }

    private static async Task EchoAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[Chunk];
        while (await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted) is { MessageType: not System.Net.WebSockets.WebSocketMessageType.Close } received)
        {
            await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, context.RequestAborted);
        }

        await socket.CloseAsync(System.Net.WebSockets.WebSocketCloseStatus.NormalClosure, "bye", context.RequestAborted);
    }

    /// <summary>Ten events; each is sent when the test has seen the one before (<c>seen-N</c>).</summary>
    private async Task EventsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        for (var i = 0; i < 10; i++)
        {
            await context.Response.WriteAsync($"data: event {i}\n\n", context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await Signal($"seen-{i}").Task.Soon();
        }
    }

    /// <summary>Sends for ever; tells <c>KEY-ended</c> when it sees that nobody listens any more.</summary>
    private async Task EndlessAsync(HttpContext context, string key)
    {
        var chunk = ChunkOf();
        try
        {
            while (true)
            {
                await context.Response.Body.WriteAsync(chunk, context.RequestAborted);
            }
        }
        catch (OperationCanceledException)
        {
            Signal($"{key}-ended").TrySetResult();
        }
    }

    /// <summary>Reads an upload; tells <c>KEY-began</c> at its first byte and <c>KEY-ended</c> when it breaks off.</summary>
    private async Task SwallowAsync(HttpContext context, string key)
    {
        var buffer = new byte[Chunk];
        try
        {
            while (await context.Request.Body.ReadAsync(buffer, context.RequestAborted) > 0)
            {
                Signal($"{key}-began").TrySetResult();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or BadHttpRequestException)
        {
            Signal($"{key}-ended").TrySetResult();
        }
    }
}
