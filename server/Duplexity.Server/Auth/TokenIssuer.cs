using System.Security.Cryptography;
using System.Text.Json;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Server.Auth;

/// <summary>Makes the service's own access tokens. Thread-safe.</summary>
internal sealed class TokenIssuer(OwnKeys keys, Standing standing, IOptions<DuplexityOptions> options)
{
    /// <summary>The claim that says in milliseconds since 1970 UTC when a token was issued: <c>iat</c> has whole seconds, in which much may happen.</summary>
    public const string IssuedAtClaim = "iat_ms";

    /// <summary>Within a day a token that nobody knows to be stolen ends by itself; who needs longer renews.</summary>
    public static readonly TimeSpan MaxLifetime = TimeSpan.FromHours(24);

    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false };

    /// <summary>A token by which its bearer is <paramref name="client"/>, named as it is: no prefix is added.</summary>
    /// <exception cref="ArgumentException">The client cannot be a CID, or the lifetime is not between a second and 24 hours.</exception>
    /// <exception cref="DuplexityException">The client was removed (205).</exception>
    public string Create(string client, TimeSpan lifetime, TokenContent? content = null) => Create(keys.Issuer, keys.Key, client, lifetime, content ?? new());

    /// <summary>The same from the development issuer, whose tokens are good in Development and on this node only.</summary>
    public string CreateForDevelopment(string client, TimeSpan lifetime) =>
        Create(OwnKeys.DevelopmentIssuer, keys.DevelopmentKey ?? throw new InvalidOperationException("There is no development identity outside Development."), client, lifetime, new());

    private string Create(string issuer, SecurityKey key, string client, TimeSpan lifetime, TokenContent content)
    {
        if (!Address.IsClientId(client))
        {
            throw new ArgumentException(
                $"\"{VisibleText.Of(client, 64)}\" cannot be a client: 1 to {Address.MaxClientLength} characters in normal form C, without white space, control characters, colons and asterisks.", nameof(client));
        }

        if (lifetime < TimeSpan.FromSeconds(1) || lifetime > MaxLifetime)
        {
            throw new ArgumentOutOfRangeException(nameof(lifetime), lifetime, "A token lives for a second at least and for 24 hours at most.");
        }

        if (standing.Removed(client) is { } removed)
        {
            throw new DuplexityException(removed);
        }

        var issuedAt = standing.GivenNow(client);
        var now = issuedAt.UtcDateTime;
        var claims = new Dictionary<string, object>
        {
            ["sub"] = client,
            ["jti"] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
            [IssuedAtClaim] = issuedAt.ToUnixTimeMilliseconds(),
        };
        if (content.Roles is { Count: > 0 } roles)
        {
            claims["roles"] = roles.ToArray();
        }

        if (content.Allowances is { } allowances)
        {
            claims[AllowanceClaim.Name] = JsonSerializer.SerializeToElement(allowances, AllowanceClaim.Json);
        }

        if (content.KeyId is { } keyId)
        {
            claims["key"] = keyId;
        }

        return _handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = options.Value.Auth.Audience,
            IssuedAt = now,
            NotBefore = now,
            Expires = now + lifetime,
            Claims = claims,
            TokenType = "at+jwt",
            SigningCredentials = new(key, KeyMaterial.SigningAlgorithm(key)),
        });
    }
}

/// <summary>What a token of the service's own says beside who its bearer is.</summary>
/// <param name="Allowances">The claim <c>duplexity</c>; null: the roles decide, or the default.</param>
/// <param name="Roles">The claim <c>roles</c>.</param>
/// <param name="KeyId">The API key that it was made for.</param>
internal sealed record TokenContent(Allowances? Allowances = null, IReadOnlyCollection<string>? Roles = null, string? KeyId = null);
