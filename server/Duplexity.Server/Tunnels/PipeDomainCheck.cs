using System.Net;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Refuses to start where pipes would be other people's pages on the service's own site: there, no cookie rule of a browser tells them apart (G5).
/// </summary>
internal sealed class PipeDomainCheck(IHostEnvironment environment) : IValidateOptions<DuplexityOptions>
{
    public ValidateOptionsResult Validate(string? name, DuplexityOptions options)
    {
        if (!PipeUrl.TryParse(options.Pipes.Url, out _, out var domain, out _))
        {
            return ValidateOptionsResult.Fail("Duplexity:Pipes:Url must look like https://*.example.org or http://*.localhost:5080.");
        }

        if (environment.IsDevelopment() || options.Url is null || domain == "localhost")
        {
            return ValidateOptionsResult.Success;
        }

        var service = options.Url.IdnHost.ToLowerInvariant();
        return IPAddress.TryParse(service.Trim('[', ']'), out _) || Site(service) != Site(domain)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(
                $"Duplexity:Url ({service}) and Duplexity:Pipes:Url (*.{domain}) share the site {Site(domain)}: a page behind a pipe could then act on the service with its "
                + "visitors' cookies. Set Duplexity:Pipes:Url to a domain of its own, such as https://*.example-pipes.org.");
    }

    /// <summary>What browsers take for one site: the last two labels; a list of public suffixes would have to be kept up to date in every installation.</summary>
    public static string Site(string host)
    {
        var labels = host.TrimEnd('.').Split('.');
        return labels.Length <= 2 ? host : $"{labels[^2]}.{labels[^1]}";
    }
}
