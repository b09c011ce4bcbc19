using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Duplexity.Host;

/// <summary>What the node measures and traces, on its way out: read by Prometheus, or sent by OTLP. Where neither is set, nothing of OpenTelemetry runs.</summary>
internal static class Telemetry
{
    /// <summary>OpenTelemetry's own setting: where OTLP goes to. All others of its variables hold as well.</summary>
    public const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private const string ServiceName = "OTEL_SERVICE_NAME";

    private const string Ours = "Duplexity.Server";

    // None of them has a host, a path or a client among its tags.
    private static readonly string[] Meters = [Ours, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.AspNetCore.Http.Connections", "System.Runtime"];

    public static IServiceCollection AddTelemetry(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<MetricsOptions>().BindConfiguration(MetricsOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<MetricsOptions>, MetricsOptionsCheck>();
        var isRead = configuration[$"{MetricsOptions.Section}:{nameof(MetricsOptions.Address)}"] is { Length: > 0 };
        var isSent = configuration[Endpoint] is { Length: > 0 };
        if (!isRead && !isSent)
        {
            return services;
        }

        var telemetry = services.AddOpenTelemetry().WithMetrics(metrics =>
        {
            metrics.AddMeter(Meters);
            if (isRead)
            {
                metrics.AddPrometheusExporter();
            }

            if (isSent)
            {
                metrics.AddOtlpExporter();
            }
        });
        if (configuration[ServiceName] is not { Length: > 0 })
        {
            telemetry.ConfigureResource(resource => resource.AddService("duplexity"));
        }

        if (isSent)
        {
            telemetry.WithTracing(traces => traces.AddSource(Ours).AddOtlpExporter());
        }

        if (isRead)
        {
            services.AddSingleton<MetricsListener>();
            services.AddHostedService(provider => provider.GetRequiredService<MetricsListener>());
        }

        return services;
    }
}
