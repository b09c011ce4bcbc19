using Duplexity.Server;
using Duplexity.Server.Auth;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Configuration.Memory;

namespace Duplexity.Host;

/// <summary>The service itself: a node, health, and a word on what to try next. <c>duplexity serve</c> runs the same.</summary>
public static class HostProgram
{
    /// <summary>Runs until it is told to stop. Settings: environment, <c>appsettings.json</c> beside the program, the command line.</summary>
    /// <param name="args">Settings, such as <c>--urls http://localhost:5080</c>.</param>
    /// <param name="command">How whoever started it types the command line: the greeting's lines begin with it.</param>
    /// <returns>The process's exit code: 0, or 1 where its address is in use, which a line on standard error says.</returns>
    public static async Task<int> RunAsync(string[] args, string command = "dotnet run --project client-sdk/Duplexity.Cli --")
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

                // What fails at the start is thrown as well, and said once.
                new("Logging:LogLevel:Microsoft.Extensions.Hosting.Internal.Host", "None"),

                // The framework's lines under our handler's name: one for each stranger without a token.
                new("Logging:LogLevel:Duplexity.Server.Auth.BearerHandler", "Warning"),
            ],
        });
        var urls = builder.Configuration["urls"] ?? "http://localhost:5080";
        builder.WebHost.UseUrls(urls);
        var duplexity = builder.Services.AddDuplexity();
        if (builder.Configuration.GetValue<bool>("Duplexity:Auth:Embedded"))
        {
            duplexity.AddOpenId();
        }

        if (builder.Configuration[$"{RedisOptions.Section}:{nameof(RedisOptions.Connection)}"] is { Length: > 0 })
        {
            duplexity.AddRedis();
        }

        builder.Services.AddHealthChecks().AddDuplexity("ready");
        var app = builder.Build();
        app.MapService("GET HEAD", "/", FrontPage.AnswerAsync, requireIdentity: false);
        app.MapHealthChecks("/health/live", new() { Predicate = _ => false }).AddServiceGate(requireIdentity: false);
        app.MapHealthChecks("/health/ready", new() { Predicate = check => check.Tags.Contains("ready") }).AddServiceGate(requireIdentity: false);
        app.MapDuplexity();
        app.Lifetime.ApplicationStarted.Register(() => Greeting.Print(app, command));
        try
        {
            await app.RunAsync();
            return 0;
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            await Console.Error.WriteLineAsync($"{urls.Replace(";", " or ", StringComparison.Ordinal)} is in use by another program: end that one, or choose another address with --urls http://localhost:5081");
            return 1;
        }
    }
}
