using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Duplexity.Server.Tests.Auth;

/// <summary>A JWT put together by hand, so that every part of it can be wrong.</summary>
internal sealed class HandmadeToken(DateTimeOffset now)
{
    public Dictionary<string, object> Header { get; } = new() { ["alg"] = "HS256", ["typ"] = "JWT" };

    public Dictionary<string, object> Payload { get; } = new()
    {
        ["iss"] = AuthNode.AppIssuer,
        ["aud"] = "duplexity",
        ["sub"] = "amy",
        ["iat"] = now.ToUnixTimeSeconds(),
        ["nbf"] = now.ToUnixTimeSeconds(),
        ["exp"] = now.AddMinutes(10).ToUnixTimeSeconds(),
    };

    public HandmadeToken With(string claim, object value)
    {
        Payload[claim] = value;
        return this;
    }

    public HandmadeToken Without(string claim)
    {
        Payload.Remove(claim);
        return this;
    }

    public HandmadeToken WithHeader(string name, object value)
    {
        Header[name] = value;
        return this;
    }

    public HandmadeToken WithoutHeader(string name)
    {
        Header.Remove(name);
        return this;
    }

    public string Hmac(string secret = AuthNode.AppSecret) => Sign(data => HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), data));

    public string Rsa(RSA key, string algorithm = "RS256") => WithHeader("alg", algorithm)
        .Sign(data => key.SignData(data, HashAlgorithmName.SHA256, algorithm.StartsWith('P') ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1));

    public string Ec(ECDsa key) => WithHeader("alg", "ES256").Sign(data => key.SignData(data, HashAlgorithmName.SHA256));

    public string Unsigned() => Sign(_ => []);

    public string Sign(Func<byte[], byte[]> sign)
    {
        var data = $"{Part(Header)}.{Part(Payload)}";
        return $"{data}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(data)))}";
    }

    private static string Part(object value) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(value));
}
