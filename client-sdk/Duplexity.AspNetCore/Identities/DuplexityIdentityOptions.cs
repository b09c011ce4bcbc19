using Microsoft.AspNetCore.Authentication;

namespace Duplexity.AspNetCore;

/// <summary>Which assertions of visitors' identities are believed.</summary>
public sealed class DuplexityIdentityOptions : AuthenticationSchemeOptions
{
    /// <summary>The service whose assertions are believed. Defaults to null: that of <c>AddDuplexityPipe</c>, by the same settings.</summary>
    public Uri? Server { get; set; }

    /// <summary>What the assertions name as their issuer: the service's <c>Duplexity:Url</c>. Defaults to null: <see cref="Server"/> without a slash at its end.</summary>
    public string? Issuer { get; set; }

    /// <summary>Where the service publishes its keys (a JWKS). Defaults to null: <c>auth/jwks</c> under <see cref="Server"/>.</summary>
    public Uri? KeySet { get; set; }

    /// <summary>
    /// The public hostnames of the pipe, for an application that another program serves (<c>duplexity up</c>): an assertion for one of them is believed whatever connection brings it. Defaults to none: believed is
    /// what came through a pipe that this program opened with <c>AddDuplexityPipe</c>, for that pipe's hostname.
    /// </summary>
    public IList<string> Hostnames { get; } = [];

    /// <summary>How far the service's clock and this machine's may differ. Defaults to 10 s: assertions last 60.</summary>
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(10);
}
