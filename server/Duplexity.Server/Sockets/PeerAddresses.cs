using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Sockets;

/// <summary>Who is at the other end of a request: its connection, or what the operator's own proxies say (<see cref="DuplexityOptions.TrustedProxies"/>). Thread-safe.</summary>
internal sealed class PeerAddresses(IOptions<DuplexityOptions> options)
{
    private const int NetworkBytes = 8;

    private readonly (IPAddress? Address, IPNetwork Network)[] _trusted = [.. options.Value.TrustedProxies.Select(ReadProxy)];

    /// <summary>The connection's other end.</summary>
    public static IPAddress? Remote(HttpContext context) => context.Connection.RemoteIpAddress is { } remote ? Plain(remote) : null;

    /// <summary>The IPv4 address that an IPv6 one only wraps: a listener for both families sees all IPv4 peers so.</summary>
    public static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <summary>What stands for an address where tries are counted: of IPv6 its network of 64 bits, for a household has a whole one, and an attacker every address in it.</summary>
    public static IPAddress NetworkOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6 || IPAddress.IsLoopback(address))
        {
            return address;
        }

        var bytes = address.GetAddressBytes();
        Array.Clear(bytes, NetworkBytes, NetworkBytes);
        return new IPAddress(bytes);
    }

    /// <summary>Whether the connection is a trusted proxy's, which carries many people.</summary>
    public bool IsFromProxy(HttpContext context) => Remote(context) is { } remote && IsTrusted(remote);

    /// <summary>The address of the person: the last one in X-Forwarded-For that no trusted proxy has, where the connection is such a proxy's.</summary>
    public IPAddress Of(HttpContext context)
    {
        var peer = Remote(context) ?? IPAddress.None;
        foreach (var hop in string.Join(',', context.Request.Headers["X-Forwarded-For"].ToArray()).Split(',', StringSplitOptions.TrimEntries).Reverse())
        {
            if (!IsTrusted(peer) || !IPAddress.TryParse(hop, out var before))
            {
                break;
            }

            peer = Plain(before);
        }

        return peer;
    }

    private static (IPAddress?, IPNetwork) ReadProxy(string text) =>
        IPAddress.TryParse(text, out var address) ? (address, default)
        : IPNetwork.TryParse(text, out var network) ? (null, network)
        : throw new OptionsValidationException(nameof(DuplexityOptions), typeof(DuplexityOptions), [$"Duplexity:TrustedProxies: '{text}' is neither an address nor a network such as 10.0.0.0/8."]);

    private bool IsTrusted(IPAddress address) => Array.Exists(_trusted, t => t.Address?.Equals(address) ?? t.Network.Contains(address));
}
