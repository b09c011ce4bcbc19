using System.Globalization;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary><c>Pipes:Url</c>, taken apart: scheme, domain and port that visitors use.</summary>
internal sealed class PipeUrl(IOptions<DuplexityOptions> options, IServer? server = null)
{
    private readonly (string Scheme, string Domain, int Port) _parts =
        TryParse(options.Value.Pipes.Url, out var scheme, out var domain, out var port) ? (scheme, domain, port) : throw new OptionsValidationException(
            nameof(DuplexityOptions), typeof(DuplexityOptions), ["Duplexity:Pipes:Url must look like https://*.example.org or http://*.localhost:5080."]);

    /// <summary>The domain under which pipes have their names, without the asterisk.</summary>
    public string Domain => _parts.Domain;

    /// <summary>Whether visitors come by HTTPS.</summary>
    public bool IsSecure => _parts.Scheme == "https";

    /// <summary>What visitors of <paramref name="host"/> open.</summary>
    public string Of(string host)
    {
        var port = _parts.Port == 0 ? ListeningPort() : _parts.Port;
        return port == (_parts.Scheme == "https" ? 443 : 80)
            ? $"{_parts.Scheme}://{host}/"
            : string.Create(CultureInfo.InvariantCulture, $"{_parts.Scheme}://{host}:{port}/");
    }

    /// <summary>What visitors of a registration open at one of its hosts, without a slash at the end.</summary>
    public static string At(Engine.PipeEntry entry, string host) => entry.Url.Replace($"://{entry.Name}", $"://{host}", StringComparison.Ordinal).TrimEnd('/');

    /// <summary>Whether a host is under the domain; the domain itself is not.</summary>
    public bool Covers(string host) => host.Length > Domain.Length + 1 && host.EndsWith(Domain, StringComparison.Ordinal) && host[^(Domain.Length + 1)] == '.';

    /// <summary>The label right before the domain in a host that is under it: whoever has that has what is below. Null for any other name.</summary>
    public string? LabelOf(string host) => Covers(host) ? host[..^(Domain.Length + 1)].Split('.')[^1] : null;

    public static bool TryParse(string text, out string scheme, out string domain, out int port)
    {
        (scheme, domain, port) = ("", "", 0);
        const string Asterisk = "://*.";
        var at = text.IndexOf(Asterisk, StringComparison.Ordinal);
        if (at < 0)
        {
            return false;
        }

        scheme = text[..at].ToLowerInvariant();
        var rest = text[(at + Asterisk.Length)..].TrimEnd('/');
        var colon = rest.LastIndexOf(':');
        port = scheme == "https" ? 443 : 80;
        if (colon >= 0 && !(int.TryParse(rest[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port) && port <= 65535))
        {
            return false;
        }

        domain = (colon >= 0 ? rest[..colon] : rest).ToLowerInvariant();
        return scheme is "http" or "https" && Uri.CheckHostName(domain) == UriHostNameType.Dns;
    }

    private int ListeningPort()
    {
        var addresses = server?.Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
        var own = addresses.FirstOrDefault(a => a.StartsWith(_parts.Scheme + ":", StringComparison.OrdinalIgnoreCase)) ?? addresses.FirstOrDefault();
        return own is null ? 0 : Microsoft.AspNetCore.Http.BindingAddress.Parse(own).Port;
    }
}
