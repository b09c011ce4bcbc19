using System.Security.Claims;
using Duplexity.Server.OpenId.Storage;
using Microsoft.AspNetCore.Identity;
using OpenIddict.Abstractions;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Duplexity.Server.OpenId;

/// <summary>What the provider's tokens say of a person.</summary>
internal static class TokenContents
{
    /// <summary>The claim with the roles, as the service reads it.</summary>
    public const string Roles = "roles";

    // In codes and refresh tokens alone, which only the provider reads.
    private const string Stamp = "stamp";

    /// <summary>Fills <paramref name="identity"/> with what is true now. Roles are in the ID token for the service, and for others that asked for them.</summary>
    public static async Task<ClaimsPrincipal> FillAsync(ClaimsIdentity identity, UserManager<OpenIdUser> users, OpenIdUser user, string clientId)
    {
        identity.SetClaim(Claims.Subject, user.Id).SetClaim(Claims.Name, user.UserName).SetClaim(Stamp, user.SecurityStamp)
            .SetClaims(Roles, [.. await users.GetRolesAsync(user)]);
        identity.SetDestinations(claim => claim.Type switch
        {
            Claims.Name when identity.HasScope(Scopes.Profile) => [Destinations.IdentityToken],
            Roles when clientId == OwnClient.Id || identity.HasScope(Scopes.Roles) => [Destinations.IdentityToken],
            _ => [],
        });
        return new ClaimsPrincipal(identity);
    }

    /// <summary>An identity without anything.</summary>
    public static ClaimsIdentity New() => new("openid", Claims.Name, Roles);

    /// <summary>Whether a code or refresh token is from before the last password or the last end of all sign-ins.</summary>
    public static bool IsStale(ClaimsPrincipal principal, OpenIdUser user) => principal.GetClaim(Stamp) != user.SecurityStamp;
}
