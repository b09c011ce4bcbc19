using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Duplexity.Testing;

/// <summary>
/// An application's own back end that signs tokens, as <c>Duplexity:Auth:Keys</c> means it. It makes the JWT by hand, so that tests can also make wrong ones,
/// and so that the code under test is not checked by itself.
/// </summary>
public sealed class TestIssuer(string issuer = "https://tests.example", string audience = "duplexity", string? secret = null)
{
    /// <summary>The token's <c>iss</c>.</summary>
    public string Issuer { get; } = issuer;

    /// <summary>The token's <c>aud</c>.</summary>
    public string Audience { get; } = audience;

    /// <summary>The HMAC secret: drawn at random unless it is given.</summary>
    public string Secret { get; } = secret ?? Convert.ToHexString(RandomNumberGenerator.GetBytes(32));

    /// <summary>A token for <paramref name="client"/> that is good from a minute ago; <paramref name="claims"/> are added or replace the usual ones.</summary>
    public string Token(string client, DateTimeOffset now, TimeSpan lifetime, params (string Name, object Value)[] claims)
    {
        var payload = new Dictionary<string, object>
        {
            ["iss"] = Issuer,
            ["aud"] = Audience,
            ["sub"] = client,
            ["jti"] = Convert.ToHexString(RandomNumberGenerator.GetBytes(16)),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["nbf"] = now.AddMinutes(-1).ToUnixTimeSeconds(),
            ["exp"] = now.Add(lifetime).ToUnixTimeSeconds(),
        };
        foreach (var (name, value) in claims)
        {
            payload[name] = value;
        }

        var head = Part(JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { ["alg"] = "HS256", ["typ"] = "JWT" }));
        var body = Part(JsonSerializer.SerializeToUtf8Bytes(payload));
        var signature = HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.ASCII.GetBytes($"{head}.{body}"));
        return $"{head}.{body}.{Part(signature)}";
    }

    private static string Part(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
