using Duplexity.Server.Auth;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Options;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;

namespace Duplexity.Host;

/// <summary>A listener of its own for <c>/metrics</c>: nothing of the service answers there, and <c>/metrics</c> answers nowhere else (G18).</summary>
internal sealed class MetricsListener(MeterProvider meters, IOptions<MetricsOptions> options) : IHostedService, IAsyncDisposable
{
    private const string Path = "/metrics";

    private WebApplication? _app;

    /// <summary>Where it listens.</summary>
    public Uri Address => new(_app!.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <exception cref="ListenException">The address is another program's.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls(options.Value.Address!).ConfigureKestrel(k => k.AddServerHeader = false);
        builder.Services.AddOptions<PrometheusAspNetCoreOptions>();
        _app = builder.Build();
        _app.UseOpenTelemetryPrometheusScrapingEndpoint(meters, context => context.Request.Path == Path && IsAsked(context.Request), path: null, configureBranchedPipeline: null, optionsName: null);
        _app.Run(context =>
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
        try
        {
            await _app.StartAsync(cancellationToken);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            throw new ListenException($"{options.Value.Address} is in use by another program: end that one, or choose another address for {MetricsOptions.Section}:{nameof(MetricsOptions.Address)}.");
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => _app?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public ValueTask DisposeAsync() => _app?.DisposeAsync() ?? default;

    // A page that rebinds its DNS name to this machine asks under that name.
    private bool IsAsked(HttpRequest request) => options.Value.Open || ServiceHosts.IsLoopback(request.Host.Host);
}

/// <summary>An address that cannot be listened at; the message says which, and what to do.</summary>
internal sealed class ListenException(string message) : Exception(message);
