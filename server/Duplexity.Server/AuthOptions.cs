namespace Duplexity.Server;

/// <summary>Whose tokens are accepted, and how a client is read out of one.</summary>
public sealed class AuthOptions
{
    /// <summary>The keys of issuers, by a name of the operator's choice: <c>Duplexity:Auth:Keys:shop:Issuer</c> and so on. Defaults to none.</summary>
    public IDictionary<string, IssuerKey> Keys { get; } = new Dictionary<string, IssuerKey>();

    /// <summary>
    /// Whether people sign in at the service's own OpenID provider, for those who have none: its pages lie below <c>/openid</c>, its users in the data folder. Defaults to false; <c>AddOpenId()</c>
    /// sets it. Then <see cref="Oidc"/> names no other provider.
    /// </summary>
    public bool Embedded { get; set; }

    /// <summary>The OpenID provider by which people sign in; without an authority there is none.</summary>
    public OidcOptions Oidc { get; } = new();

    /// <summary>Put before the clients of <see cref="DuplexityOptions.Scheme"/>. Needed as soon as there is another issuer (G19).</summary>
    public string? SchemePrefix { get; set; }

    /// <summary>
    /// What the service signs its own tokens with: a private key (RSA of 2,048 bits or more, or EC) as PEM text or the path of a PEM file, or a secret of at least
    /// 32 bytes in UTF-8. Defaults to null: keys that the service draws, keeps sealed in the data folder and changes every 90 days; without a data folder, and in Development, one that ends with the process.
    /// </summary>
    public string? SigningKey { get; set; }

    /// <summary>What a token's <c>aud</c> must be. Defaults to <c>duplexity</c>.</summary>
    public string Audience { get; set; } = "duplexity";

    /// <summary>The claim that is the CID. Defaults to <c>sub</c>; a mutable one (<c>email</c>, <c>preferred_username</c>, <c>name</c>) is refused at start (G19), unless <see cref="CidClaimMayChangeHands"/>.</summary>
    public string CidClaim { get; set; } = "sub";

    /// <summary>
    /// Takes a mutable <see cref="CidClaim"/> all the same: whoever has an address or a name next inherits the inbox, the rooms and the hostnames of whoever had it before. Only where the issuers never
    /// give one again. Defaults to false.
    /// </summary>
    public bool CidClaimMayChangeHands { get; set; }

    /// <summary>The role (claim <c>role</c> or <c>roles</c>) that may administer. Defaults to <c>admin</c>.</summary>
    public string AdminRole { get; set; } = "admin";
}

/// <summary>An OpenID provider: <c>Duplexity:Auth:Oidc</c>.</summary>
public sealed class OidcOptions
{
    /// <summary>The provider's address, as its tokens' <c>iss</c> says it: https, or http on a loopback address. Defaults to null: no sign-in by a provider.</summary>
    public string? Authority { get; set; }

    /// <summary>This service's client id at the provider. Its redirect address is <c>{Duplexity:Url}/auth/callback</c>.</summary>
    public string? ClientId { get; set; }

    /// <summary>This service's secret at the provider; null for a public client. PKCE is used either way.</summary>
    public string? ClientSecret { get; set; }

    /// <summary>What is asked for, separated by blanks. Defaults to <c>openid offline_access</c>: with the second the provider is asked again at each refresh whether the person may still sign in.</summary>
    public string Scopes { get; set; } = "openid offline_access";

    /// <summary>A claim of the ID token that has the person's roles, beside <c>role</c> and <c>roles</c>. Defaults to null.</summary>
    public string? RolesClaim { get; set; }

    /// <summary>Put before the provider's clients. Needed as soon as there is another issuer (G19).</summary>
    public string? Prefix { get; set; }

    /// <summary>Whether all of this was filled in by the embedded provider, for itself.</summary>
    internal bool IsEmbedded { get; set; }
}

/// <summary>One issuer of tokens and the key that it signs with.</summary>
public sealed class IssuerKey
{
    /// <summary>The token's <c>iss</c>. Needed: a key is bound to its issuer, and signs for no other.</summary>
    public string? Issuer { get; set; }

    /// <summary>A shared secret for HMAC-SHA256, at least 32 bytes in UTF-8. One of Secret, Pem and Jwks.</summary>
    public string? Secret { get; set; }

    /// <summary>A public key (RSA of 2,048 bits or more, or EC) as PEM text or the path of a PEM file.</summary>
    public string? Pem { get; set; }

    /// <summary>The https address of a JSON web key set (http on a loopback address only). Fetched when a token names an unknown key, at most once a minute.</summary>
    public string? Jwks { get; set; }

    /// <summary>Put before this issuer's CIDs, so that those of two issuers never collide. Needed as soon as there are two issuers (G19).</summary>
    public string? Prefix { get; set; }
}
