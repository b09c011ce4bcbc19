using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Cluster;

/// <summary>Refuses keys that can be guessed, and an internal listener that the world could reach in clear.</summary>
internal sealed class ClusterCheck : IValidateOptions<DuplexityOptions>
{
    private const int LeastKey = 32;

    public ValidateOptionsResult Validate(string? name, DuplexityOptions options)
    {
        List<string> problems = [];
        foreach (var (setting, key) in Secrets(options))
        {
            if (key is { Length: > 0 and < LeastKey })
            {
                problems.Add($"Duplexity:{setting} has {key.Length} characters; it has {LeastKey} at least, such as `openssl rand -base64 32` prints.");
            }
        }

        if (options.Cluster.FrontKey is { Length: > 0 } front && front == options.Cluster.Key)
        {
            problems.Add("Duplexity:Cluster:FrontKey is the same as Duplexity:Cluster:Key: whoever has a front would have a node. Draw another one, such as `openssl rand -base64 32` prints.");
        }

        if (NodeRoles.Read(options.Roles) is var roles && (roles.Length == 0 || Array.Exists(roles, r => r is not (NodeRoles.Front or NodeRoles.Backend))))
        {
            problems.Add($"Duplexity:Roles is \"{VisibleText.Of(options.Roles, VisibleText.LogLength)}\"; the roles are front and backend, with a comma between them.");
        }

        if (options.Node.InternalUrl is { } url && IsNoAddress(url))
        {
            problems.Add("Duplexity:Node:InternalUrl is an address such as http://10.0.0.5:5081, without a path.");
        }
        else if (options.Node.InternalUrl is { Scheme: "https" } && string.IsNullOrEmpty(options.Node.InternalCertificate))
        {
            problems.Add("Duplexity:Node:InternalUrl is https; name its certificate's PEM file in Duplexity:Node:InternalCertificate.");
        }

        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    /// <summary>Whether an address is none of an internal listener.</summary>
    public static bool IsNoAddress(Uri url) => !url.IsAbsoluteUri || url.Scheme is not ("http" or "https") || url.AbsolutePath != "/";

    private static (string Setting, string? Key)[] Secrets(DuplexityOptions options) =>
    [
        ("Cluster:Key", options.Cluster.Key), ("Cluster:FormerKey", options.Cluster.FormerKey), ("Cluster:FrontKey", options.Cluster.FrontKey), ("Cluster:FormerFrontKey", options.Cluster.FormerFrontKey),
        ("Front:Key", options.Front.Key), ("Front:FormerKey", options.Front.FormerKey),
    ];

    /// <summary>Whether an address is this machine's own or a private network's: the world does not reach it.</summary>
    public static bool IsPrivate(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        if (IPAddress.IsLoopback(plain) || plain.IsIPv6LinkLocal || plain.IsIPv6UniqueLocal)
        {
            return true;
        }

        var bytes = plain.GetAddressBytes();
        return plain.AddressFamily == AddressFamily.InterNetwork
            && (bytes[0] == 10 || (bytes[0] == 172 && bytes[1] is >= 16 and < 32) || (bytes[0] == 192 && bytes[1] == 168) || (bytes[0] == 169 && bytes[1] == 254) || (bytes[0] == 100 && bytes[1] is >= 64 and < 128));
    }
}
