using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Duplexity.AspNetCore;

/// <summary>A public pipe to the application that opens it.</summary>
public sealed class DuplexityPipeOptions
{
    /// <summary>
    /// The service. Defaults to null: the setting <c>Duplexity:Server</c>, else <c>DUPLEXITY_SERVER</c>, else in Development <c>http://localhost:5080</c>.
    /// </summary>
    public Uri? Server { get; set; }

    /// <summary>An API key (<c>dxk_…</c>). Defaults to null: the setting <c>Duplexity:Key</c>, else <c>DUPLEXITY_KEY</c>.</summary>
    public string? ApiKey { get; set; }

    /// <summary>
    /// A source of access tokens, in the place of a key. Defaults to null: <c>DUPLEXITY_TOKEN</c>, else in Development, at a service in Development on this machine, the identity
    /// <see cref="Client"/>.
    /// </summary>
    public Func<CancellationToken, ValueTask<string?>>? Token { get; set; }

    /// <summary>Who to be in Development. Defaults to null: <c>DUPLEXITY_AS</c>, else the name of the user who runs the application.</summary>
    public string? Client { get; set; }

    /// <summary>How the pipe behaves; who may visit and all else that the SDK knows.</summary>
    public PipeOptions Pipe { get; set; } = new();

    /// <summary>What the pipe serves. Defaults to null: the first plain http address that the application listens at, else its first https one (<see cref="IServerAddressesFeature"/>).</summary>
    public string? Resource { get; set; }

    /// <summary>
    /// Whether a request that came through the pipe shows the visitor's scheme, host and address, as the service's <c>X-Forwarded-*</c> headers say. Defaults to true. From any other connection these headers are
    /// not looked at: anybody on this machine could write them.
    /// </summary>
    public bool ForwardedHeaders { get; set; } = true;

    /// <summary>
    /// How many proxies of the operator stand before the service and append themselves to <c>X-Forwarded-For</c>: the visitor is the one before them. Defaults to 0: visitors reach the service directly.
    /// </summary>
    public int Proxies { get; set; }

    /// <summary>
    /// How long the pipe stays open, when the application stops, for requests that are under way: those are cut when it closes. Defaults to 5 s, well within the 30 s that a host and the 10 s that Docker
    /// give an application.
    /// </summary>
    public TimeSpan StopPatience { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest pause between two attempts to open the pipe. Defaults to 30 s, as the SDK's own for reconnects; the first ones follow within a second.</summary>
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromSeconds(30);
}
