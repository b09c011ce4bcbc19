using Duplexity.Server.Auth;
using Microsoft.Extensions.Options;

namespace Duplexity.Host;

/// <summary>Where Prometheus reads what the node measures: the configuration section <c>Duplexity:Metrics</c>. What is sent by OTLP is set by OpenTelemetry's own variables, such as <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>.</summary>
public sealed class MetricsOptions
{
    /// <summary>The configuration section: <c>Duplexity:Metrics</c>.</summary>
    public const string Section = "Duplexity:Metrics";

    /// <summary>The address at which <c>/metrics</c> answers, and nothing else does, such as <c>http://127.0.0.1:9464</c>. Defaults to null: it answers nowhere, never on the service's own address (G18).</summary>
    public string? Address { get; set; }

    /// <summary>Whether <see cref="Address"/> may be another than a loopback one, for a Prometheus on another machine. Defaults to false: whoever reaches it reads how busy the service is; it has no names of clients, rooms or pipes (G25).</summary>
    public bool Open { get; set; }
}

/// <summary>Refuses an address for metrics that could not be listened at, or that is open to others without being meant to be.</summary>
internal sealed class MetricsOptionsCheck : IValidateOptions<MetricsOptions>
{
    public ValidateOptionsResult Validate(string? name, MetricsOptions options)
    {
        const string Path = $"{MetricsOptions.Section}:{nameof(MetricsOptions.Address)}";
        if (string.IsNullOrEmpty(options.Address))
        {
            return ValidateOptionsResult.Success;
        }

        if (!Uri.TryCreate(options.Address, UriKind.Absolute, out var address) || address is not { Scheme: "http", AbsolutePath: "/", Query: "", UserInfo: "" })
        {
            return ValidateOptionsResult.Fail($"{Path} is \"{VisibleText.Of(options.Address, VisibleText.LogLength)}\"; write http, a host and a port, such as http://127.0.0.1:9464.");
        }

        return options.Open || ServiceHosts.IsLoopback(address.Host)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{Path} is {address}, which others may reach. Take a loopback address, such as http://127.0.0.1:9464; or set {MetricsOptions.Section}:{nameof(MetricsOptions.Open)} to true, where only your Prometheus reaches it.");
    }
}
