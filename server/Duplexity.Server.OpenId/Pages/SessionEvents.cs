using System.Security.Claims;
using Duplexity.Server.OpenId.Storage;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;

namespace Duplexity.Server.OpenId.Pages;

/// <summary>The browser's session at the provider: who it is, and that it ends with the next look when the person is disabled or has another password.</summary>
internal sealed class SessionEvents(OpenIdContext context) : CookieAuthenticationEvents
{
    private const string Subject = "sub";
    private const string Stamp = "stamp";

    /// <summary>Begins one.</summary>
    public static Task BeginAsync(HttpContext context, OpenIdUser user) => context.SignInAsync(
        CookieAuthenticationDefaults.AuthenticationScheme, new ClaimsPrincipal(new ClaimsIdentity([new(Subject, user.Id), new(Stamp, user.SecurityStamp!)], "openid", Subject, null)));

    /// <summary>Whose it is; null: nobody's.</summary>
    public static string? Of(ClaimsPrincipal principal) => principal.FindFirstValue(Subject);

    public override async Task ValidatePrincipal(CookieValidatePrincipalContext session)
    {
        var (id, stamp) = (Of(session.Principal!), session.Principal!.FindFirstValue(Stamp));
        if (!await context.Users.AnyAsync(u => u.Id == id && u.SecurityStamp == stamp && !u.IsDisabled && !u.IsRemoved, session.HttpContext.RequestAborted))
        {
            session.RejectPrincipal();
        }
    }
}
