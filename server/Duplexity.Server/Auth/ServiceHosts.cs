using System.Net;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>The service's own hosts: those of its configured addresses, <c>localhost</c> and IP literals.</summary>
internal sealed class ServiceHosts(IOptions<DuplexityOptions> options) : IServiceHosts
{
    private readonly string[] _configured = [.. new[] { options.Value.Url, options.Value.Node.Url }.OfType<Uri>().Select(url => url.IdnHost)];

    /// <summary>
    /// <c>localhost</c> alone, never <c>*.localhost</c>: those are pipes. An IP literal cannot be a pipe's name nor a page's that rebinds its DNS name (G5, G6).
    /// </summary>
    public bool Contains(HostString host)
    {
        // A name with the root's dot at its end is the same name.
        var name = host.Host.EndsWith('.') ? host.Host[..^1] : host.Host;
        return IsLoopback(name) || IsAddress(name, out _) || _configured.Contains(name, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>Whether <paramref name="host"/> is <c>localhost</c> or a loopback literal; a name that merely resolves to one is not.</summary>
    public static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IsAddress(host, out var address) && IPAddress.IsLoopback(PeerAddresses.Plain(address)));

    // IPAddress.TryParse also takes "1" and "0x7f.1"; a literal is what has four numbers, or brackets.
    private static bool IsAddress(string host, out IPAddress address)
    {
        address = IPAddress.None;
        return (host.StartsWith('[') || host.Count(c => c == '.') == 3) && IPAddress.TryParse(host, out address!);
    }
}
