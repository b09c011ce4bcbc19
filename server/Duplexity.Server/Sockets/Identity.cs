using System.Security.Claims;

namespace Duplexity.Server.Sockets;

/// <summary>A client as a verified token names it. Immutable; a socket may hold several.</summary>
/// <param name="Client">The CID, in normal form C.</param>
/// <param name="ExpiresAt">When the token ends; null: never.</param>
/// <param name="Issuer">Who vouched for it.</param>
/// <param name="TokenId">The token's <c>jti</c>, if it has one.</param>
/// <param name="Principal">All claims, for gates.</param>
internal sealed record Identity(string Client, DateTimeOffset? ExpiresAt, string Issuer, string? TokenId, ClaimsPrincipal Principal)
{
    /// <summary>When the token was issued (<c>iat</c>); null: it does not say.</summary>
    public DateTimeOffset? IssuedAt { get; init; }

    /// <summary>The API key that the token was made for (claim <c>key</c>); null: none.</summary>
    public string? KeyId { get; init; }

    /// <summary>What it may do: the token's own claim, else its roles', else the default (README).</summary>
    public Allowances Allowances { get; init; } = new();

    public bool IsValidAt(DateTimeOffset now) => ExpiresAt is null || now < ExpiresAt;
}
