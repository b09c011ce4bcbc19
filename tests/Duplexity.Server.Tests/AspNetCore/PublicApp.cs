using Duplexity.AspNetCore;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tests.AspNetCore;

/// <summary>Somebody's ASP.NET Core application on a loopback port, with a public pipe of its own.</summary>
internal sealed class PublicApp : IAsyncDisposable
{
    private readonly WebApplication _app;

    private PublicApp(WebApplication app, LogWatch logs) => (_app, Logs) = (app, logs);

    public LogWatch Logs { get; }

    public int Port => new Uri(_app.Urls.Single()).Port;

    public IServiceProvider Services => _app.Services;

    /// <summary>The pipe through which the last request came.</summary>
    public Pipe? CameThrough { get; private set; }

    /// <summary>Somebody waits at <c>/slow</c>.</summary>
    public TaskCompletionSource Slow { get; } = new();

    /// <summary>Lets go who waits there.</summary>
    public TaskCompletionSource GoOn { get; } = new();

    public static async Task<PublicApp> StartAsync(
        Action<DuplexityPipeOptions>? configure, Action<IServiceCollection>? services = null, string environment = "Production", params (string Name, string Value)[] settings)
    {
        var logs = new LogWatch();
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders().AddProvider(logs);
        builder.Configuration.AddInMemoryCollection(settings.Select(s => new KeyValuePair<string, string?>(s.Name, s.Value)));
        builder.AddDuplexityPipe("app", configure);
        services?.Invoke(builder.Services);
        var app = builder.Build();
        var it = new PublicApp(app, logs);
        app.MapGet("/", (HttpContext context) =>
        {
            it.CameThrough = context.Features.Get<CameThrough>()?.Pipe;
            return $"{context.Request.Scheme} {context.Request.Host} {context.Connection.RemoteIpAddress}";
        });
        app.MapGet("/slow", async () =>
        {
            it.Slow.SetResult();
            await it.GoOn.Task;
            return "finished";
        });
        app.MapGet("/who", (HttpContext context) => context.User.Identity?.Name ?? "nobody");
        await app.StartAsync().Soon();
        return it;
    }

    /// <summary>Waits until it is public.</summary>
    public Task<LogLine> PublicAsync() => Logs.WaitForAsync("the public address", l => l.Event.Name == "Serves");

    public Task StopAsync() => _app.StopAsync().Soon();

    /// <summary>Asks over a connection of one's own.</summary>
    public async Task<string> AskAsync(string path, params string[] headers)
    {
        await using var line = await RawVisitor.ConnectAsync(Port);
        return await AskAsync(line, path, headers);
    }

    /// <summary>Asks over a connection that is held, and ends it.</summary>
    public static async Task<string> AskAsync(RawVisitor line, string path, params string[] headers)
    {
        await line.SendAsync($"GET {path} HTTP/1.0\r\nHost: here\r\n{string.Concat(headers.Select(h => h + "\r\n"))}\r\n");
        (await line.ReadHeadAsync()).Should().Contain(" 200 ");
        return await line.ReadToEndAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync().Soon();
        await _app.DisposeAsync();
        Logs.Verify();
    }
}
