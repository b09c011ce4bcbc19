using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Server.Auth;

/// <summary>
/// Tells the resource behind a public hostname who its visitor is: a signed statement for that hostname and a minute (G15), and the key set that anybody verifies it with. No access token: its type and
/// audience are others. Thread-safe.
/// </summary>
internal sealed class Assertions(OwnKeys keys, TimeProvider time)
{
    /// <summary>The type in its header; no reader of access tokens takes it.</summary>
    public const string Type = "duplexity-identity+jwt";

    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);

    /// <summary>How long one is used again: whoever gets it has half of its time left at least.</summary>
    private static readonly TimeSpan Reused = TimeSpan.FromSeconds(30);

    /// <summary>How many are remembered; then all are forgotten and made again, some 100 µs each.</summary>
    private const int Most = 10_000;

    private readonly ConditionalWeakTable<SecurityKey, SecurityKey> _signing = [];
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Client, string Host), (string Text, DateTimeOffset At)> _made = [];
    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false };

    /// <summary>The statement that a visitor of <paramref name="host"/> is <paramref name="client"/>.</summary>
    public string Of(string client, string host)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            if (_made.TryGetValue((client, host), out var made) && now - made.At < Reused && now >= made.At)
            {
                return made.Text;
            }
        }

        var key = SigningKeyOf(keys.Key);
        var text = _handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = keys.Issuer,
            Audience = host,
            Claims = new Dictionary<string, object> { ["sub"] = client },
            IssuedAt = now.UtcDateTime,
            Expires = (now + Lifetime).UtcDateTime,
            TokenType = Type,
            SigningCredentials = new(key, KeyMaterial.SigningAlgorithm(key)),
        });
        lock (_lock)
        {
            if (_made.Count >= Most)
            {
                _made.Clear();
            }

            _made[(client, host)] = (text, now);
        }

        return text;
    }

    /// <summary>The public keys, as RFC 7517 writes them.</summary>
    public async Task<object> KeySetAsync(CancellationToken ct) => new { keys = (await keys.FindAsync(null, ct)).Select(k => PublicOf(SigningKeyOf(k))).ToArray() };

    /// <summary>With a name, and where the configured key is a secret that nobody may verify with, a key pair that is made of it: the same on every node.</summary>
    private SecurityKey SigningKeyOf(SecurityKey key) => _signing.GetValue(key, own =>
    {
        SecurityKey named = own switch
        {
            ECDsaSecurityKey ec => new ECDsaSecurityKey(ec.ECDsa),
            RsaSecurityKey rsa => rsa.Rsa is null ? new RsaSecurityKey(rsa.Parameters) : new RsaSecurityKey(rsa.Rsa),
            SymmetricSecurityKey secret => new ECDsaSecurityKey(ECDsa.Create(new ECParameters
            {
                Curve = ECCurve.NamedCurves.nistP256,
                D = HKDF.DeriveKey(HashAlgorithmName.SHA256, secret.Key, 32, info: "duplexity visitor assertions"u8.ToArray()),
            })),
            _ => throw new InvalidOperationException($"A {own.GetType().Name} signs no assertion."),
        };
        named.KeyId = string.IsNullOrEmpty(own.KeyId) ? Base64UrlEncoder.Encode(named.ComputeJwkThumbprint()) : own.KeyId;
        return named;
    });

    private static Dictionary<string, string> PublicOf(SecurityKey key)
    {
        var jwk = key is ECDsaSecurityKey ec ? JsonWebKeyConverter.ConvertFromECDsaSecurityKey(ec) : JsonWebKeyConverter.ConvertFromRSASecurityKey((RsaSecurityKey)key);
        var shown = new Dictionary<string, string> { ["kty"] = jwk.Kty, ["use"] = "sig", ["alg"] = KeyMaterial.SigningAlgorithm(key), ["kid"] = key.KeyId };
        if (jwk.Kty == JsonWebAlgorithmsKeyTypes.EllipticCurve)
        {
            (shown["crv"], shown["x"], shown["y"]) = (jwk.Crv, jwk.X, jwk.Y);
        }
        else
        {
            (shown["n"], shown["e"]) = (jwk.N, jwk.E);
        }

        return shown;
    }
}
