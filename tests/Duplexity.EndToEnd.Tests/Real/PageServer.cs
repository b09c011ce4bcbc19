using Duplexity.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>An application's own web server on another port: it serves one page, Microsoft's browser client, and tokens for its signed-in user.</summary>
public sealed class PageServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private PageServer(WebApplication app) => _app = app;

    /// <summary>The port.</summary>
    public int Port => new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

    /// <summary>Serves <paramref name="page"/> at <c>/</c> and what <paramref name="token"/> makes at <c>/token</c>.</summary>
    public static async Task<PageServer> StartAsync(string page, Func<string> token)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.MapGet("/", () => Results.Content(page, "text/html; charset=utf-8"));
        app.MapGet("/token", () => Results.Text(token()));
        var script = Path.Combine(ProcessTools.NodeFolder, "node_modules", "@microsoft", "signalr", "dist", "browser", "signalr.js");
        app.MapGet("/signalr.js", () => Results.File(script, "text/javascript"));
        await app.StartAsync();
        return new PageServer(app);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
