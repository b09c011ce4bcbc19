using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Duplexity.Testing;

/// <summary>A request that <see cref="HookApp"/> was sent.</summary>
/// <param name="Method">Its method.</param>
/// <param name="Target">Path and query.</param>
/// <param name="Headers">Its headers.</param>
/// <param name="Body">Its body, as UTF-8.</param>
public sealed record Hooked(string Method, string Target, IReadOnlyDictionary<string, string> Headers, string Body)
{
    /// <summary>The header <c>Duplexity-Replayed</c>; null: it came live.</summary>
    public string? Replayed => Headers.GetValueOrDefault("Duplexity-Replayed");

    /// <summary>The header <c>Duplexity-Attempt</c>; null: it came live.</summary>
    public string? Attempt => Headers.GetValueOrDefault("Duplexity-Attempt");
}

/// <summary>An application as senders of webhooks call it: it notes every request, in order, and answers as the test says.</summary>
public sealed class HookApp : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Channel<Hooked> _came = Channel.CreateUnbounded<Hooked>();

    private HookApp(WebApplication app) => _app = app;

    /// <summary>What a request is answered with; a 200 unless set.</summary>
    public Func<Hooked, HttpResponse, Task> Answer { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>The port.</summary>
    public int Port => new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

    /// <summary>Whether nothing came that was not read.</summary>
    public bool HasNothing => !_came.Reader.TryPeek(out _);

    /// <summary>Starts it on a loopback port, a free one unless named.</summary>
    public static async Task<HookApp> StartAsync(int port = 0, HttpProtocols protocols = HttpProtocols.Http1)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AllowAlternateSchemes = true; // as the front's HTTP/2 client says them
            kestrel.Listen(IPAddress.Loopback, port, listen => listen.Protocols = protocols);
        });
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var hooks = new HookApp(app);
        app.Run(hooks.TakeAsync);
        await app.StartAsync();
        return hooks;
    }

    /// <summary>The next request.</summary>
    public Task<Hooked> NextAsync(TimeSpan? timeout = null) => _came.Reader.ReadAsync().Soon(timeout, "a request at the application");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private async Task TakeAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var hooked = new Hooked(
            context.Request.Method,
            context.Request.Path + context.Request.QueryString,
            context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase),
            await reader.ReadToEndAsync());
        _came.Writer.TryWrite(hooked);
        await Answer(hooked, context.Response);
    }
}
