using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Server.Auth;

/// <summary>Reads keys as operators write them into settings: a secret, PEM text, or the path of a PEM file.</summary>
internal static class KeyMaterial
{
    /// <summary>HMAC-SHA256 needs as many bytes as it puts out; a shorter secret can be guessed from one token.</summary>
    public const int MinSecretBytes = 32;

    /// <summary>What NIST and browsers ask of RSA today.</summary>
    public const int MinRsaBits = 2048;

    /// <summary>Algorithms for shared secrets. Kept apart from the others, so that no public key can ever be taken for a secret.</summary>
    public static readonly string[] Shared = [SecurityAlgorithms.HmacSha256];

    /// <summary>Algorithms for public keys; "none" is in neither list.</summary>
    public static readonly string[] Public = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    public static bool TrySecret(string text, [NotNullWhen(true)] out SecurityKey? key, [NotNullWhen(false)] out string? problem)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        key = bytes.Length >= MinSecretBytes ? new SymmetricSecurityKey(bytes) : null;
        problem = key is null ? $"has {bytes.Length} bytes; at least {MinSecretBytes} are needed, such as the output of \"openssl rand -base64 48\"" : null;
        return key is not null;
    }

    /// <summary>Reads a public key, or, for signing, a private one.</summary>
    public static bool TryPem(string textOrPath, bool isPrivate, [NotNullWhen(true)] out SecurityKey? key, [NotNullWhen(false)] out string? problem)
    {
        key = null;
        problem = null;
        try
        {
            var text = IsPem(textOrPath) ? textOrPath : File.ReadAllText(textOrPath);
            if (text.Contains("PRIVATE KEY-----", StringComparison.Ordinal) != isPrivate)
            {
                problem = isPrivate ? "is not a private key in PEM" : "holds a private key, which only its issuer should have; give the public one";
                return false;
            }

            key = Read(text);
            problem = key is null ? "is neither an RSA nor an EC key in PEM" : null;
            if (key is RsaSecurityKey { Rsa.KeySize: < MinRsaBits and var bits })
            {
                key = null;
                problem = $"is an RSA key of {bits} bits; at least {MinRsaBits} are needed";
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException or CryptographicException)
        {
            // Only the kind of failure: a message could quote the setting, and the setting may be a key.
            problem = $"is neither PEM text nor the path of a readable PEM file ({e.GetType().Name})";
        }

        return key is not null;
    }

    public static bool IsPem(string text) => text.Contains("-----BEGIN ", StringComparison.Ordinal);

    /// <summary>The algorithm that a key of ours signs with.</summary>
    public static string SigningAlgorithm(SecurityKey key) => key switch
    {
        SymmetricSecurityKey => SecurityAlgorithms.HmacSha256,
        ECDsaSecurityKey { ECDsa.KeySize: 256 } => SecurityAlgorithms.EcdsaSha256,
        ECDsaSecurityKey { ECDsa.KeySize: 384 } => SecurityAlgorithms.EcdsaSha384,
        ECDsaSecurityKey => SecurityAlgorithms.EcdsaSha512,
        _ => SecurityAlgorithms.RsaSsaPssSha256,
    };

    /// <summary>Whether a key of a fetched key set may verify tokens: public, for signatures, and long enough.</summary>
    public static bool IsUsable(JsonWebKey key) =>
        key.Use is null or "" or "sig"
        && key is { Kty: "EC" } or { Kty: "RSA", KeySize: >= MinRsaBits };

    private static SecurityKey? Read(string pem)
    {
        var rsa = RSA.Create();
        try
        {
            rsa.ImportFromPem(pem);
            return new RsaSecurityKey(rsa);
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            // Not an RSA key: PEM's own labels do not always say, so it is tried.
            rsa.Dispose();
        }

        var ec = ECDsa.Create();
        try
        {
            ec.ImportFromPem(pem);
            return ec.KeySize is 256 or 384 or 521 ? new ECDsaSecurityKey(ec) : null;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            ec.Dispose();
            return null;
        }
    }
}
