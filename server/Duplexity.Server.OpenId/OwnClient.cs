using Duplexity.Server.Auth;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.OpenId;

/// <summary>The service as a client of its own provider: fills in what an operator would write for any other (<c>Auth:Oidc</c>), so that signing in is the same code for both.</summary>
internal sealed class OwnClient : IPostConfigureOptions<DuplexityOptions>
{
    /// <summary>Its client id; no other program may have it.</summary>
    public const string Id = "duplexity";

    /// <summary>Below the node's prefix, where the provider is.</summary>
    public const string Path = "/openid";

    // Both ends live in this process: it is new at each start, and nowhere written down.
    private static readonly string OwnSecret = Secrets.New();

    public static string Secret => OwnSecret;

    /// <summary>The provider's own name for itself, in its tokens.</summary>
    public static string Issuer(DuplexityOptions options, string prefix) => $"{OwnKeys.IssuerOf(options)}{prefix}{Path}";

    public void PostConfigure(string? name, DuplexityOptions options)
    {
        var oidc = options.Auth.Oidc;
        options.Auth.Embedded = true;
        if (string.IsNullOrEmpty(oidc.Authority + oidc.ClientId + oidc.ClientSecret))
        {
            (oidc.IsEmbedded, oidc.Authority, oidc.ClientId, oidc.ClientSecret) = (true, Issuer(options, ""), Id, Secret);
        }
    }
}
