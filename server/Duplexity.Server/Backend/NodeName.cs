using System.Security.Cryptography;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Backend;

/// <summary>What this node is called among others: as configured, or drawn at random once at its start.</summary>
internal sealed class NodeName(IOptions<DuplexityOptions> options)
{
    public string Value { get; } = options.Value.Node.Name ?? "n" + RandomNumberGenerator.GetHexString(8, lowercase: true);
}
