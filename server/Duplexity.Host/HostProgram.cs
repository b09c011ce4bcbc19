using Duplexity.Server;
using Duplexity.Server.Auth;
using Microsoft.Extensions.Configuration.Memory;

namespace Duplexity.Host;

/// <summary>The service itself: a node, health, and a word on what to try next. <c>duplexity serve</c> runs the same.</summary>
public static class HostProgram
{
    /// <summary>Runs until it is told to stop. Settings: environment, <c>appsettings.json</c> beside the program, the command line.</summary>
    /// <param name="args">Settings, such as <c>--urls http://localhost:5080</c>.</param>
    /// <param name="command">How whoever started it types the command line: the greeting's lines begin with it.</param>
    public static async Task RunAsync(string[] args, string command = "dotnet run --project client-sdk/Duplexity.Cli --")
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });

        // Below whatever else is configured: at Information the framework logs whole addresses, and a browser's has its access token (G14).
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource
        {
            InitialData =
            [
                // Where it was started, not where the program lies: an update of the program would take the data with it.
                new("Duplexity:Data", Path.Combine(Environment.CurrentDirectory, "data")),
                new("Logging:LogLevel:Default", "Information"),
                new("Logging:LogLevel:Microsoft", "Warning"),
                new("Logging:LogLevel:Microsoft.AspNetCore.DataProtection", "Error"),
                new("Logging:LogLevel:Yarp", "Warning"),

                // The framework's lines under our handler's name: one for each stranger without a token.
                new("Logging:LogLevel:Duplexity.Server.Auth.BearerHandler", "Warning"),
            ],
        });
        builder.WebHost.UseUrls(builder.Configuration["urls"] ?? "http://localhost:5080");
        var duplexity = builder.Services.AddDuplexity();
        if (builder.Configuration.GetValue<bool>("Duplexity:Auth:Embedded"))
        {
            duplexity.AddOpenId();
        }

        builder.Services.AddHealthChecks();
        var app = builder.Build();
        app.MapHealthChecks("/health/live").AddServiceGate(requireIdentity: false);
        app.MapHealthChecks("/health/ready").AddServiceGate(requireIdentity: false);
        app.MapDuplexity();
        app.Lifetime.ApplicationStarted.Register(() => Greeting.Print(app, command));
        await app.RunAsync();
    }
}
