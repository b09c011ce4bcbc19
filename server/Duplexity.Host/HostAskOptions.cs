using Duplexity.Server.Auth;
using Microsoft.Extensions.Options;

namespace Duplexity.Host;

/// <summary>Where a proxy that gets certificates by itself asks whether a host is somebody's, such as Caddy's <c>on_demand_tls</c>: the configuration section <c>Duplexity:Pipes:Ask</c>.</summary>
public sealed class HostAskOptions
{
    /// <summary>The configuration section: <c>Duplexity:Pipes:Ask</c>.</summary>
    public const string Section = "Duplexity:Pipes:Ask";

    /// <summary>
    /// The address at which <c>GET /locate/ask?domain=HOST</c> answers 200 where the host is a pipe's, a reserved name or below one, and 404 elsewhere; nothing else answers there. Such as <c>http://127.0.0.1:5085</c>.
    /// Defaults to null: it answers nowhere, never on the service's own address (G18).
    /// </summary>
    public string? Address { get; set; }

    /// <summary>Whether <see cref="Address"/> may be another than a loopback one, for a proxy on another machine. Defaults to false: whoever reaches it learns which names there are (G25).</summary>
    public bool Open { get; set; }

    /// <summary>Questions in one second; more are answered 429. Defaults to 100: a proxy asks once for each new name, and somebody who makes names up is not to keep the engine busy.</summary>
    public int PerSecond { get; set; } = 100;
}

/// <summary>Refuses an address that could not be listened at, or that is open to others without being meant to be.</summary>
internal sealed class HostAskOptionsCheck : IValidateOptions<HostAskOptions>
{
    public ValidateOptionsResult Validate(string? name, HostAskOptions options)
    {
        const string Path = $"{HostAskOptions.Section}:{nameof(HostAskOptions.Address)}";
        if (options.PerSecond < 1)
        {
            return ValidateOptionsResult.Fail($"{HostAskOptions.Section}:{nameof(HostAskOptions.PerSecond)} is 1 or more.");
        }

        if (string.IsNullOrEmpty(options.Address))
        {
            return ValidateOptionsResult.Success;
        }

        if (!Uri.TryCreate(options.Address, UriKind.Absolute, out var address) || address is not { Scheme: "http", AbsolutePath: "/", Query: "", UserInfo: "" })
        {
            return ValidateOptionsResult.Fail($"{Path} is \"{VisibleText.Of(options.Address, VisibleText.LogLength)}\"; write http, a host and a port, such as http://127.0.0.1:5085.");
        }

        return options.Open || ServiceHosts.IsLoopback(address.Host)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{Path} is {address}, which others may reach. Take a loopback address, such as http://127.0.0.1:5085; or set {HostAskOptions.Section}:{nameof(HostAskOptions.Open)} to true, where only your proxy reaches it.");
    }
}
