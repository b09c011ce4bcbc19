using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Duplexity.AspNetCore;

/// <summary>Where the service is and who the application is there, by its options and settings.</summary>
internal sealed class PipeServer(IConfiguration configuration, IHostEnvironment environment)
{
    private const string HowTo = "set Duplexity:Key or DUPLEXITY_KEY";

    // Where the service listens when it is started from its sources.
    private static readonly Uri Usual = new("http://localhost:5080/");

    /// <summary>The service.</summary>
    /// <exception cref="InvalidOperationException">None is named, or not by an address.</exception>
    public Uri Of(Uri? server)
    {
        if (server is not null)
        {
            return server;
        }

        if ((Setting("Duplexity:Server") ?? Setting("DUPLEXITY_SERVER")) is not { } text)
        {
            return environment.IsDevelopment() ? Usual : throw new InvalidOperationException("No service is named: set Duplexity:Server or DUPLEXITY_SERVER.");
        }

        return Uri.TryCreate(text, UriKind.Absolute, out var named) && named.Scheme is "http" or "https"
            ? named
            : throw new InvalidOperationException($"Duplexity:Server: \"{VisibleText.Of(text, VisibleText.LogLength)}\" is not the address of a service, such as https://hub.example.org.");
    }

    /// <summary>What a connection of <paramref name="options"/> is made with.</summary>
    /// <exception cref="InvalidOperationException">There is nothing to sign in with.</exception>
    public DuplexityConnectionOptions Credentials(DuplexityPipeOptions options, Uri server)
    {
        if (options.Token is not null)
        {
            return new() { Token = options.Token };
        }

        if ((options.ApiKey ?? Setting("Duplexity:Key") ?? Setting("DUPLEXITY_KEY")) is { } key)
        {
            return new() { ApiKey = InSecret(server, key) };
        }

        if (Setting("DUPLEXITY_TOKEN") is { } token)
        {
            var kept = InSecret(server, token);
            return new() { Token = _ => ValueTask.FromResult<string?>(kept) };
        }

        return environment.IsDevelopment() && DevelopmentToken.IsLoopback(server)
            ? new() { Token = DevelopmentToken.For(server, options.Client ?? Setting("DUPLEXITY_AS") ?? Environment.UserName) }
            : throw new InvalidOperationException($"Nobody is signed in at {server.GetLeftPart(UriPartial.Authority)}: {HowTo}.");
    }

    private string? Setting(string name) => configuration[name] is { Length: > 0 } value ? value : null;

    private static string InSecret(Uri server, string credential) => server.Scheme == Uri.UriSchemeHttps || DevelopmentToken.IsLoopback(server)
        ? credential
        : throw new InvalidOperationException($"The credential would go to {server.GetLeftPart(UriPartial.Authority)} in the clear, for everybody on the way to read: use https.");
}
