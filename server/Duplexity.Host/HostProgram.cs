using Duplexity.Host.Checking;
using Duplexity.Server;
using Duplexity.Server.Auth;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.Options;

namespace Duplexity.Host;

/// <summary>The service itself: a node, health, and a word on what to try next. <c>duplexity serve</c> runs the same.</summary>
public static class HostProgram
{
    /// <summary>The argument that checks and starts nothing.</summary>
    public const string CheckOption = "--check";

    /// <summary>Runs until it is told to stop. Settings: environment, <c>appsettings.json</c> beside the program, the command line.</summary>
    /// <param name="args">Settings, such as <c>--urls http://localhost:5080</c>; with <c>--check</c> they are printed and checked, and nothing is started.</param>
    /// <param name="command">How whoever started it types the command line: the greeting's lines begin with it.</param>
    /// <returns>The process's exit code: 0, or 1 where it cannot start as it is set, which lines on standard error say.</returns>
    public static async Task<int> RunAsync(string[] args, string command = "dotnet run --project client-sdk/Duplexity.Cli --")
    {
        var (app, urls) = Build([.. args.Where(a => a != CheckOption)]);
        if (args.Contains(CheckOption))
        {
            await using (app)
            {
                return await new ServeCheck(app.Services, (IConfigurationRoot)app.Configuration, Console.Out).RunAsync(urls) ? 0 : 1;
            }
        }

        app.Lifetime.ApplicationStarted.Register(() => Greeting.Print(app, command));
        try
        {
            Map(app);
            await app.RunAsync();
            return 0;
        }
        catch (OptionsValidationException e)
        {
            // What to set, with an example to copy: more than a line, and our own words.
            await Console.Error.WriteLineAsync(string.Join(Environment.NewLine, e.Failures));
            return 1;
        }
        catch (ListenException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            await Console.Error.WriteLineAsync($"{urls.Replace(";", " or ", StringComparison.Ordinal)} is in use by another program: end that one, or choose another address with --urls http://localhost:5081");
            return 1;
        }
    }

    private static (WebApplication App, string Urls) Build(string[] args)
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
        builder.Services.AddTelemetry(builder.Configuration);
        builder.Services.AddHealthChecks().AddDuplexity("ready");
        builder.Services.AddSingleton<IHostLifetime, DrainingLifetime>();
        if (IsFront(builder.Configuration))
        {
            builder.Services.AddDuplexityFront().AddSingleton<IValidateOptions<DuplexityOptions>, FrontSettingsCheck>();
        }
        else
        {
            AddNode(builder);
        }

        return (builder.Build(), urls);
    }

    private static bool IsFront(IConfiguration configuration) => NodeRoles.IsFrontAlone(configuration[$"{DuplexityOptions.Section}:{nameof(DuplexityOptions.Roles)}"]);

    private static void AddNode(WebApplicationBuilder builder)
    {
        var duplexity = builder.Services.AddDuplexity();
        if (builder.Configuration.GetValue<bool>("Duplexity:Auth:Embedded"))
        {
            duplexity.AddOpenId();
        }

        if (builder.Configuration[$"{RedisOptions.Section}:{nameof(RedisOptions.Connection)}"] is { Length: > 0 })
        {
            duplexity.AddRedis();
        }

        builder.Services.AddAsking(builder.Configuration);
    }

    private static void Map(WebApplication app)
    {
        if (IsFront(app.Configuration))
        {
            app.MapHealthChecks("/health/live", new() { Predicate = _ => false }).OnServiceHosts();
            app.MapHealthChecks("/health/ready", new() { Predicate = check => check.Tags.Contains("ready") }).OnServiceHosts();
            app.MapDuplexityFront();
            return;
        }

        app.MapService("GET HEAD", "/", FrontPage.AnswerAsync, requireIdentity: false);
        app.MapHealthChecks("/health/live", new() { Predicate = _ => false }).AddServiceGate(requireIdentity: false);
        app.MapHealthChecks("/health/ready", new() { Predicate = check => check.Tags.Contains("ready") }).AddServiceGate(requireIdentity: false);
        app.MapDuplexity();
    }
}
