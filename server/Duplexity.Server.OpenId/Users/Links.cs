using System.Text.Json;
using Duplexity.Server.Auth;
using Duplexity.Server.Engine;

namespace Duplexity.Server.OpenId.Users;

/// <summary>What a link is for.</summary>
/// <param name="User">Who sets a password; null: whoever becomes the first administrator.</param>
/// <param name="Stamp">The user's stamp at that time: with the next one the link is over.</param>
internal sealed record Link(string? User, string? Stamp);

/// <summary>Links that stand for somebody once: 256 random bits, kept as a hash. Thread-safe.</summary>
internal sealed class Links(IEngine engine, TimeProvider time)
{
    private const string Kind = "openid-link";

    /// <summary>Makes one.</summary>
    public async Task<(string Token, DateTimeOffset ExpiresAt)> MakeAsync(Link link, TimeSpan lifetime, CancellationToken ct)
    {
        var (token, expiresAt) = (Secrets.New(), time.GetUtcNow() + lifetime);
        await engine.Records.PutAsync(Kind, Secrets.Hash(token), JsonSerializer.Serialize(link), expiresAt, ct);
        return (token, expiresAt);
    }

    /// <summary>What a link is for; null where it is over or never was.</summary>
    public async Task<Link?> FindAsync(string? token, CancellationToken ct) =>
        token is { Length: > 0 and < 256 } && await engine.Records.ReadAsync(Kind, Secrets.Hash(token), ct) is { } text ? JsonSerializer.Deserialize<Link>(text) : null;

    /// <summary>Uses it up; false where somebody else was faster.</summary>
    public async Task<bool> TakeAsync(string token, CancellationToken ct) => await engine.Records.TakeAsync(Kind, Secrets.Hash(token), ct) is not null;
}
