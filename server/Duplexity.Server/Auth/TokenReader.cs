using System.Security.Claims;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Server.Auth;

/// <summary>
/// Turns a token into the client that it names, or refuses it (G19). The one reader of tokens: the scheme uses it at connect, the hubs for every further
/// identity of a socket. Thread-safe.
/// </summary>
internal sealed class TokenReader(TrustedIssuers issuers, AllowanceResolver allowances, Standing standing, IOptions<DuplexityOptions> options, TimeProvider time, ILogger<TokenReader> logger)
{
    // Kestrel takes 32 KB of headers together; a token beyond half of that is a mistake, and reading it costs before it is known to be good.
    private const int MaxLength = 16 * 1024;

    // What only an ID token has: it tells a program who signed in, and opens nothing.
    private static readonly string[] IdTokenClaims = ["nonce", "at_hash", "c_hash"];

    private static readonly string[] AccessTokenTypes = ["at+jwt", "application/at+jwt"];

    // Without a type also: many libraries that back ends sign with leave it out.
    private static readonly string[] Types = [.. AccessTokenTypes, "JWT"];

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false, MaximumTokenSizeInBytes = MaxLength };

    /// <summary>The identity that <paramref name="token"/> proves; null where it proves none. Why is logged, never told.</summary>
    public async ValueTask<Identity?> ReadAsync(string? token, CancellationToken ct = default)
    {
        var (identity, problem) = await TryReadAsync(token, ct);
        if (identity is null)
        {
            Log.TokenRefused(logger, problem!);
        }

        return identity;
    }

    private async ValueTask<(Identity? Identity, string? Problem)> TryReadAsync(string? text, CancellationToken ct)
    {
        if (Parse(text) is not { } token)
        {
            return (null, "it is not a signed JWT");
        }

        if (issuers.Find(token.Issuer) is not { } issuer)
        {
            return (null, $"its issuer \"{VisibleText.Of(token.Issuer, 128)}\" is not trusted here");
        }

        var keys = await issuer.Keys.FindAsync(string.IsNullOrEmpty(token.Kid) ? null : token.Kid, ct);
        if (keys.Count == 0)
        {
            return (null, $"the key \"{VisibleText.Of(token.Kid, 128)}\" is not one of {issuer.Issuer}'s");
        }

        var result = await _handler.ValidateTokenAsync(token, ParametersFor(issuer, keys));
        if (!result.IsValid)
        {
            // The exceptions' texts quote the token's claims; their types say enough.
            return (null, result.Exception?.GetType().Name ?? "it is not valid");
        }

        // "crit" names extensions that a reader must understand or refuse (RFC 7515); none is understood here.
        if (token.TryGetHeaderValue<object>("crit", out _) || IsIdToken(token, issuer))
        {
            return (null, "it is an ID token, or has critical extensions");
        }

        if (ClientOf(token, issuer) is not { } client)
        {
            return (null, $"its claim {issuer.CidClaim} cannot be a client");
        }

        if (!AllowanceResolver.TryReadClaim(token, out var claim, out var unreadable))
        {
            return (null, $"its claim {AllowanceClaim.Name} {unreadable}");
        }

        var identity = IdentityOf(token, issuer, client, claim);
        return standing.Problem(identity) is { } against ? (null, against) : (identity, null);
    }

    private static JsonWebToken? Parse(string? text)
    {
        if (text is null || text.Length > MaxLength || text.Count(c => c == '.') != 2)
        {
            return null;
        }

        try
        {
            return new JsonWebToken(text);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or SecurityTokenException or System.Text.Json.JsonException)
        {
            // What a stranger typed is no event of ours: the caller says that it is not a JWT.
            return null;
        }
    }

    private TokenValidationParameters ParametersFor(TrustedIssuer issuer, IReadOnlyList<SecurityKey> keys) => new()
    {
        ValidIssuer = issuer.Issuer,
        ValidAudience = options.Value.Auth.Audience,
        IssuerSigningKeys = keys,
        ValidAlgorithms = issuer.Algorithms,
        RequireSignedTokens = true,
        RequireExpirationTime = true,
        TypeValidator = (type, _, _) => string.IsNullOrEmpty(type) || Types.Contains(type, StringComparer.OrdinalIgnoreCase)
            ? type ?? ""
            : throw new SecurityTokenInvalidTypeException(),
        LifetimeValidator = (notBefore, expires, _, _) => IsCurrent(issuer, notBefore, expires),
        LogValidationExceptions = false,
    };

    private bool IsCurrent(TrustedIssuer issuer, DateTime? notBefore, DateTime? expires)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return expires is { } end && now < end + issuer.ExpirySkew && (notBefore is not { } start || now >= start - options.Value.Times.ClockSkew);
    }

    /// <summary>Whether it tells a program who signed in. A provider's for this service may be without any claim of its own; then its audience, and no type that says otherwise, give it away.</summary>
    private static bool IsIdToken(JsonWebToken token, TrustedIssuer issuer) =>
        Array.Exists(IdTokenClaims, claim => token.TryGetClaim(claim, out _))
        || (token.TryGetPayloadValue<string>("typ", out var kind) && kind == "ID")
        || (issuer.ClientId is { } us && token.Audiences.Contains(us) && !AccessTokenTypes.Contains(token.Typ, StringComparer.OrdinalIgnoreCase));

    private static string? ClientOf(JsonWebToken token, TrustedIssuer issuer)
    {
        if (token.Claims.Where(claim => claim.Type == issuer.CidClaim).Take(2).ToArray() is not [{ Value: { Length: > 0 } value, ValueType: not JsonClaimValueTypes.Json }])
        {
            return null;
        }

        return issuer.ClientId is not null && IsOfProgram(token) ? ClientName.OfProgram(issuer.Prefix, value) : ClientName.Of(issuer.Prefix, value, mayBeService: issuer.IsOwn);
    }

    /// <summary>Whether a program got it for itself (client credentials): then its subject is the program (RFC 9068), which may be called as a person is (G19).</summary>
    private static bool IsOfProgram(JsonWebToken token) => new[] { "client_id", "azp", "appid" }.Any(party => token.TryGetClaim(party, out var named) && named.Value == token.Subject);

    private Identity IdentityOf(JsonWebToken token, TrustedIssuer issuer, string client, Allowances? claim)
    {
        // A policy asks for `role`; many issuers, and this service, write `roles`.
        var roles = token.Claims.Where(c => c.Type == "roles" || c.Type == issuer.RolesClaim).Select(c => new Claim("role", c.Value));
        var principal = new ClaimsPrincipal(new ClaimsIdentity([.. token.Claims, .. roles], DuplexityScheme.Name, issuer.CidClaim, "role"));
        var given = allowances.Resolve([.. token.Claims.Where(c => c.Type is "role" or "roles" || c.Type == issuer.RolesClaim).Select(c => c.Value)], claim);
        var expiresAt = new DateTimeOffset(DateTime.SpecifyKind(token.ValidTo, DateTimeKind.Utc)) + issuer.ExpirySkew;
        return new(client, expiresAt, issuer.Issuer, string.IsNullOrEmpty(token.Id) ? null : token.Id, principal)
        {
            IssuedAt = IssuedAt(token, issuer),
            KeyId = issuer.IsOwn && token.TryGetPayloadValue<string>("key", out var key) ? key : null,
            Allowances = given,
        };
    }

    private static DateTimeOffset? IssuedAt(JsonWebToken token, TrustedIssuer issuer) =>
        issuer.IsOwn && token.TryGetPayloadValue<long>(TokenIssuer.IssuedAtClaim, out var ms) ? DateTimeOffset.FromUnixTimeMilliseconds(ms)
        : token.TryGetPayloadValue<long>("iat", out var seconds) && seconds is > 0 and < 253_402_300_800 ? DateTimeOffset.FromUnixTimeSeconds(seconds)
        : null;
}
