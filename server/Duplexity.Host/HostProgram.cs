using Duplexity.Server;
using Duplexity.Server.Auth;

namespace Duplexity.Host;

/// <summary>The service itself: a node, health, and a word on what to try next. <c>duplexity serve</c> runs the same.</summary>
public static class HostProgram
{
    /// <summary>Runs until it is told to stop. Settings: environment, <c>appsettings.json</c> beside the program, the command line.</summary>
    public static async Task RunAsync(string[] args)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseUrls(builder.Configuration["urls"] ?? "http://localhost:5080");
        builder.Services.AddDuplexity();
        builder.Services.AddHealthChecks();
        var app = builder.Build();
        app.MapHealthChecks("/health/live").RequireDuplexity(requireIdentity: false);
        app.MapHealthChecks("/health/ready").RequireDuplexity(requireIdentity: false);
        app.MapDuplexity();
        app.Lifetime.ApplicationStarted.Register(() => Greeting.Print(app));
        await app.RunAsync();
    }
}
