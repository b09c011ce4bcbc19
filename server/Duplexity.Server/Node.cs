using System.Security.Cryptography;
using Microsoft.Extensions.Options;

namespace Duplexity.Server;

/// <summary>This running server, among others that may share its engine.</summary>
internal sealed class Node(IOptions<DuplexityOptions> options)
{
    /// <summary>The name that addresses on this node carry, such as <c>/data?node=n7</c>.</summary>
    public string Name { get; } = options.Value.Node.Name ?? $"n{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";

    /// <summary>Tells this life of the node from those before it: what was meant for one is refused by the next.</summary>
    public string Life { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
}
