using System.Security.Cryptography;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Server.Auth;

/// <summary>
/// The keys that this node signs with: one for the service's own tokens, and in Development one more for the development identity's, under an issuer of its own.
/// The development key lives in memory only and exists only there, so that no data folder carries it into production (G6).
/// </summary>
internal sealed class OwnKeys(IOptions<DuplexityOptions> options, IHostEnvironment environment)
{
    /// <summary>The issuer of development tokens; no setting may name it.</summary>
    public const string DevelopmentIssuer = "duplexity-development";

    /// <summary>The service as an issuer.</summary>
    public string Issuer { get; } = IssuerOf(options.Value);

    public SecurityKey Key { get; } = options.Value.Auth.SigningKey is { Length: > 0 } configured ? Configured(configured) : Drawn();

    /// <summary>Null outside Development.</summary>
    public SecurityKey? DevelopmentKey { get; } = environment.IsDevelopment() ? Drawn() : null;

    public static string IssuerOf(DuplexityOptions options) => (options.Url?.AbsoluteUri ?? "http://localhost:5080").TrimEnd('/');

    /// <summary>Reads <see cref="AuthOptions.SigningKey"/>; false, with what is wrong with it, where it is no key.</summary>
    public static bool TryRead(string text, out SecurityKey? key, out string? problem)
    {
        var isPem = KeyMaterial.IsPem(text) || Path.IsPathRooted(text) || text.EndsWith(".pem", StringComparison.OrdinalIgnoreCase);
        return isPem ? KeyMaterial.TryPem(text, isPrivate: true, out key, out problem) : KeyMaterial.TrySecret(text, out key, out problem);
    }

    private static SecurityKey Configured(string text) =>
        TryRead(text, out var key, out var problem) ? key! : throw new InvalidOperationException($"Duplexity:Auth:SigningKey {problem}.");

    private static ECDsaSecurityKey Drawn() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));
}
