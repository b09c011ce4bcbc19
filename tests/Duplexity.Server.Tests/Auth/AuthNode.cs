using System.Net;
using System.Net.Http.Headers;
using Duplexity.Server.Auth;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tests.Auth;

/// <summary>A real Kestrel with the authentication alone: <c>/control</c>, <c>/data</c> and <c>/data/carry</c> only answer who is asking.</summary>
internal sealed class AuthNode : IAsyncDisposable
{
    public const string AppIssuer = "https://app.test";
    public const string AppSecret = "an application's secret, 32 bytes and more";

    public static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    private readonly WebApplication _app;

    private AuthNode(WebApplication app)
    {
        _app = app;
        Http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false }) { BaseAddress = Address, Timeout = Soon };
    }

    public Uri Address => new(_app.Urls.First());

    public HttpClient Http { get; }

    public IServiceProvider Services => _app.Services;

    public TokenIssuer Tokens => Services.GetRequiredService<TokenIssuer>();

    public DevelopmentIdentity Development => Services.GetRequiredService<DevelopmentIdentity>();

    public static async Task<AuthNode> StartAsync(
        Action<DuplexityOptions>? configure = null, string environment = "Development", TimeProvider? time = null, string url = "http://127.0.0.1:0", string prefix = "",
        Action<IServiceCollection>? services = null, Action<WebApplication>? application = null, IRecords? records = null)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(url);
        services?.Invoke(builder.Services);
        builder.Services.AddSingleton(time ?? TimeProvider.System);
        builder.Services.AddSingleton<IEngine>(new VaultOnly(records));
        builder.Services.AddSingleton<Sessions>();
        builder.Services.AddSingleton<Blocks>().AddSingleton<Standing>().AddSingleton<IdentityHolders>().AddSingleton<IdentityChanges>().AddSingleton<ClientStreams>().AddSingleton<ClientEnds>().AddSingleton<Revocations>();
        builder.Services.AddSingleton(provider => provider.GetRequiredService<Microsoft.Extensions.Options.IOptions<DuplexityOptions>>().Value);
        builder.Services.AddSingleton<Node>().AddMetrics().AddSingleton<Duplexity.Server.Diagnostics.Metrics>();
        builder.Services.Configure<DuplexityOptions>(options => configure?.Invoke(options));
        builder.Services.AddDuplexityAuth();

        var app = builder.Build();
        application?.Invoke(app);
        Map(app.MapGroup(prefix));
        try
        {
            await app.StartAsync().WaitAsync(Soon);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }

        return new AuthNode(app);
    }

    /// <summary>A node outside Development with an application's shared secret.</summary>
    public static Task<AuthNode> StartWithAppKeyAsync(TimeProvider? time = null, Action<DuplexityOptions>? configure = null) => StartAsync(
        options =>
        {
            options.Auth.Keys["app"] = new() { Issuer = AppIssuer, Secret = AppSecret };
            configure?.Invoke(options);
        },
        "Production",
        time);

    public async Task<(HttpStatusCode Status, string Body)> GetAsync(string path, string? token, Action<HttpRequestMessage>? change = null)
    {
        using var response = await SendAsync(HttpMethod.Get, path, token, change);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? token, Action<HttpRequestMessage>? change = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        change?.Invoke(request);
        return await Http.SendAsync(request);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.StopAsync().WaitAsync(Soon);
        await _app.DisposeAsync();
    }

    private static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapDuplexityAuth();
        foreach (var path in (string[])["/control", "/data", "/data/carry"])
        {
            routes.Map(path, context => context.Response.WriteAsync(context.Features.Get<Duplexity.Server.Sockets.Identity>()!.Client)).AddServiceGate();
        }
    }
}

/// <summary>An engine of which only the vault, which can be taken away, and the records are there.</summary>
internal sealed class VaultOnly(IRecords? records = null) : IEngine, IVault
{
    private readonly HashSet<string> _keys = [];

    public bool IsAway { get; set; }

    public IVault Vault => this;

    public IMessageLog Log => throw new NotSupportedException();

    public IPresence Presence => throw new NotSupportedException();

    public IRegistry Registry => throw new NotSupportedException();

    public IRecords Records { get; } = records ?? new MemoryRecords(TimeProvider.System);

    public ILocks Locks => throw new NotSupportedException();

    public ISystemLog SystemLog { get; } = new LocalSystemLog();

    public void Attach(IEngineHandler handler) => throw new NotSupportedException();

    public ValueTask<bool> TryAddAsync(string key, string value, TimeSpan lifetime, CancellationToken ct = default)
    {
        lock (_keys)
        {
            return IsAway ? throw new IOException("The vault is away.") : new(_keys.Add(key));
        }
    }

    public ValueTask<string?> ReadAsync(string key, CancellationToken ct = default) => throw new NotSupportedException();

    public ValueTask<bool> TryReplaceAsync(string key, string expected, string value, CancellationToken ct = default) => throw new NotSupportedException();

    public ValueTask<string?> TakeAsync(string key, CancellationToken ct = default) => throw new NotSupportedException();
}

/// <summary>Reads what a node listens on.</summary>
internal static class Addresses
{
    public static ICollection<string> AddressesOf(this IServiceProvider services) =>
        services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
}
