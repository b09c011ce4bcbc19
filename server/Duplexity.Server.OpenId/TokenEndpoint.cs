using System.Security.Claims;
using Duplexity.Server.OpenId.Storage;
using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using OpenIddict.Abstractions;
using OpenIddict.Server.AspNetCore;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Duplexity.Server.OpenId;

/// <summary>Trades codes and refresh tokens, which OpenIddict has checked, for tokens of what the person is now: one that was disabled since gets nothing.</summary>
internal sealed class TokenEndpoint(UserManager<OpenIdUser> users)
{
    public async Task AnswerAsync(HttpContext context)
    {
        if (context.GetOpenIddictServerRequest() is not { } request)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        var shown = await context.AuthenticateAsync(OpenIddictServerAspNetCoreDefaults.AuthenticationScheme);
        var user = shown.Principal?.GetClaim(Claims.Subject) is { } id ? await users.FindByIdAsync(id) : null;
        if (user is not { IsActive: true } || TokenContents.IsStale(shown.Principal!, user))
        {
            await context.ForbidAsync(OpenIddictServerAspNetCoreDefaults.AuthenticationScheme, new AuthenticationProperties(new Dictionary<string, string?>
            {
                [OpenIddictServerAspNetCoreConstants.Properties.Error] = OpenIddictConstants.Errors.InvalidGrant,
                [OpenIddictServerAspNetCoreConstants.Properties.ErrorDescription] = "The sign-in is over.",
            }));
            return;
        }

        // With all that it had (scopes, nonce, authorization), but the person's own claims as they are now.
        var identity = new ClaimsIdentity(shown.Principal!.Claims, "openid", Claims.Name, TokenContents.Roles);
        await context.SignInAsync(OpenIddictServerAspNetCoreDefaults.AuthenticationScheme, await TokenContents.FillAsync(identity, users, user, request.ClientId!));
    }
}
