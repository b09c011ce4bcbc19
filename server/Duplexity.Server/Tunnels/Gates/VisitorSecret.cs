using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>What a browser keeps at a pipe's host while it is away to sign in, and what is shown of it meanwhile: verifier and challenge as in PKCE (RFC 7636).</summary>
internal static class VisitorSecret
{
    /// <summary>256 random bits.</summary>
    public static string New() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>What tells nothing of it.</summary>
    public static string Hash(string secret) => Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
}
