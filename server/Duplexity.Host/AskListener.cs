using System.Threading.RateLimiting;
using Duplexity.Server.Auth;
using Duplexity.Server.Tunnels.Names;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Options;

namespace Duplexity.Host;

/// <summary>A listener of its own for the question whether a host is somebody's, so that a proxy gets certificates for these and for nothing that a stranger makes up.</summary>
internal sealed class AskListener(KnownHosts hosts, IOptions<HostAskOptions> options) : IHostedService, IAsyncDisposable
{
    private const string Path = "/locate/ask";

    private readonly TokenBucketRateLimiter _rate = new(new()
    {
        TokenLimit = options.Value.PerSecond,
        TokensPerPeriod = options.Value.PerSecond,
        ReplenishmentPeriod = TimeSpan.FromSeconds(1),
        QueueLimit = 0,
    });

    private WebApplication? _app;

    /// <summary>Where it listens.</summary>
    public Uri Address => new(_app!.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <exception cref="ListenException">The address is another program's.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls(options.Value.Address!).ConfigureKestrel(k => k.AddServerHeader = false);
        _app = builder.Build();
        _app.Run(async context => context.Response.StatusCode = await AnswerAsync(context.Request, context.RequestAborted));
        try
        {
            await _app.StartAsync(cancellationToken);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            throw new ListenException($"{options.Value.Address} is in use by another program: end that one, or choose another address for {HostAskOptions.Section}:{nameof(HostAskOptions.Address)}.");
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => _app?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _rate.DisposeAsync();
        await (_app?.DisposeAsync() ?? default);
    }

    private async Task<int> AnswerAsync(HttpRequest request, CancellationToken ct)
    {
        // A page that rebinds its DNS name to this machine asks under that name.
        if (request.Path != Path || !HttpMethods.IsGet(request.Method) || !(options.Value.Open || ServiceHosts.IsLoopback(request.Host.Host)))
        {
            return StatusCodes.Status404NotFound;
        }

        using var lease = _rate.AttemptAcquire();
        if (!lease.IsAcquired)
        {
            return StatusCodes.Status429TooManyRequests;
        }

        try
        {
            return await hosts.ContainsAsync(request.Query["domain"] is [{ } domain] ? domain : null, ct) ? StatusCodes.Status200OK : StatusCodes.Status404NotFound;
        }
        catch (DuplexityException)
        {
            // The engine is away: the proxy asks again.
            return StatusCodes.Status503ServiceUnavailable;
        }
    }
}

/// <summary>The listener, as a service where its address is set.</summary>
internal static class AskServices
{
    public static IServiceCollection AddAsking(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<HostAskOptions>().BindConfiguration(HostAskOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<HostAskOptions>, HostAskOptionsCheck>();
        if (configuration[$"{HostAskOptions.Section}:{nameof(HostAskOptions.Address)}"] is { Length: > 0 })
        {
            services.AddSingleton<AskListener>();
            services.AddHostedService(provider => provider.GetRequiredService<AskListener>());
        }

        return services;
    }
}
