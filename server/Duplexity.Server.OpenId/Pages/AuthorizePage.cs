using Duplexity.Server.Auth;
using Duplexity.Server.OpenId.Storage;
using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using OpenIddict.Abstractions;
using OpenIddict.Server.AspNetCore;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Duplexity.Server.OpenId.Pages;

/// <summary>The authorization endpoint: sends who is not signed in to the sign-in page, asks whether another program may know who it is, and gives the code. OpenIddict has checked the request.</summary>
internal sealed class AuthorizePage(UserManager<OpenIdUser> users, IOpenIddictApplicationManager applications, IOpenIddictAuthorizationManager authorizations, Forms forms)
{
    private const string Answer = "answer";

    public async Task AnswerAsync(HttpContext context)
    {
        if (context.GetOpenIddictServerResponse() is { Error.Length: > 0 } refused)
        {
            // Where nobody can be sent back to, the person is told.
            await SignInPages.SayAsync(context, StatusCodes.Status400BadRequest, "This program may not ask", $"What it asks is refused: {refused.ErrorDescription ?? refused.Error}");
            return;
        }

        if (context.GetOpenIddictServerRequest() is not { } request)
        {
            await SignInPages.SayAsync(context, StatusCodes.Status400BadRequest, "Nobody asked", "This page is for programs that want to know who you are.");
            return;
        }

        var asked = request.GetParameters().Where(p => p.Key != Answer && !p.Key.StartsWith("__", StringComparison.Ordinal)).Select(p => new KeyValuePair<string, string>(p.Key, (string?)p.Value ?? "")).ToArray();
        var user = SessionEvents.Of(context.User) is { } id ? await users.FindByIdAsync(id) : null;
        if (user is null || request.HasPromptValue(PromptValues.Login))
        {
            if (request.HasPromptValue(PromptValues.None))
            {
                await RefuseAsync(context, OpenIddictConstants.Errors.LoginRequired);
                return;
            }

            context.Response.Headers.CacheControl = "no-store";

            // Without its prompt: else who has just signed in would be asked again, for ever.
            context.Response.Redirect(SignInPage.Address(context, QueryString.Create(asked.Where(p => p.Key != Parameters.Prompt)!)));
            return;
        }

        var application = await applications.FindByClientIdAsync(request.ClientId!, context.RequestAborted) ?? throw new InvalidOperationException("OpenIddict took a request of an unknown client.");
        var consent = await ConsentAsync(request, application, user, context.RequestAborted);
        if (consent is null && !await applications.HasConsentTypeAsync(application, ConsentTypes.Implicit, context.RequestAborted))
        {
            var answered = HttpMethods.IsPost(context.Request.Method) && request.GetParameter(Answer) is not null;
            if (!answered)
            {
                await (request.HasPromptValue(PromptValues.None) ? RefuseAsync(context, OpenIddictConstants.Errors.ConsentRequired) : AskAsync(context, request, application, user, asked));
                return;
            }

            if (await forms.ReadAsync(context) is not { } form)
            {
                return;
            }

            if (form[Answer] != "yes")
            {
                await RefuseAsync(context, OpenIddictConstants.Errors.AccessDenied);
                return;
            }
        }

        var identity = TokenContents.New();
        identity.SetScopes(request.GetScopes());
        if (!await applications.HasConsentTypeAsync(application, ConsentTypes.Implicit, context.RequestAborted))
        {
            // Kept, so that the same program is not asked about twice.
            var kept = consent ?? await authorizations.CreateAsync(
                identity.SetClaim(Claims.Subject, user.Id), user.Id, (await applications.GetIdAsync(application, context.RequestAborted))!, AuthorizationTypes.Permanent, request.GetScopes(), context.RequestAborted);
            identity.SetAuthorizationId(await authorizations.GetIdAsync(kept, context.RequestAborted));
        }

        await context.SignInAsync(OpenIddictServerAspNetCoreDefaults.AuthenticationScheme, await TokenContents.FillAsync(identity, users, user, request.ClientId!));
    }

    private async Task<object?> ConsentAsync(OpenIddictRequest request, object application, OpenIdUser user, CancellationToken ct)
    {
        if (request.HasPromptValue(PromptValues.Consent))
        {
            return null;
        }

        var all = authorizations.FindAsync(user.Id, await applications.GetIdAsync(application, ct), Statuses.Valid, AuthorizationTypes.Permanent, request.GetScopes(), ct);
        await foreach (var given in all)
        {
            return given;
        }

        return null;
    }

    private async Task AskAsync(HttpContext context, OpenIddictRequest request, object application, OpenIdUser user, IEnumerable<KeyValuePair<string, string>> asked)
    {
        var name = await applications.GetDisplayNameAsync(application, context.RequestAborted) ?? request.ClientId;
        var back = new Uri(request.RedirectUri!).GetLeftPart(UriPartial.Authority);
        string?[] wanted =
        [
            "your name here, which never changes",
            request.HasScope(Scopes.Roles) ? "your roles" : null,
            request.HasScope(Scopes.OfflineAccess) ? "to stay signed in while you are away" : null,
        ];
        await SignInPages.WriteAsync(context, StatusCodes.Status200OK, "A program asks", $"""
            <h1>{SignInPages.Text(name)} wants to sign you in</h1>
            <p>You are <strong>{SignInPages.Text(user.Id)}</strong>. It would get:</p>
            <ul>{string.Concat(wanted.OfType<string>().Select(w => $"<li>{w}</li>"))}</ul>
            <p><small>It then sends you to {SignInPages.Text(back)}.</small></p>
            {forms.Html(context, "/authorize", asked.Where(p => p.Key != Parameters.Prompt), $"""
                <button type="submit" name="{Answer}" value="yes">Sign in there</button><button class="plain" type="submit" name="{Answer}" value="no">No</button>
                """)}
            <p><small>Not you? <a href="{context.Request.PathBase}/sign-out">Sign out</a> and begin again.</small></p>
            """, back);
    }

    private static Task RefuseAsync(HttpContext context, string error) => context.ForbidAsync(
        OpenIddictServerAspNetCoreDefaults.AuthenticationScheme, new AuthenticationProperties(new Dictionary<string, string?> { [OpenIddictServerAspNetCoreConstants.Properties.Error] = error }));
}
