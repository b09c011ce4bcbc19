using Duplexity.Server.Auth;
using Duplexity.Server.OpenId.Storage;
using Duplexity.Server.OpenId.Users;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;

namespace Duplexity.Server.OpenId.Pages;

/// <summary>Asks for name and password, and goes on to where the person came from. Unknown, wrong, disabled and locked out look the same (G25).</summary>
internal sealed class SignInPage(OpenIdContext database, PasswordChecks passwords, ILookupNormalizer names, PeerAddresses peers, Forms forms)
{
    private const string Return = "return";

    /// <summary>Where a browser signs in first, and comes back from.</summary>
    public static string Address(HttpContext context, QueryString back) =>
        $"{context.Request.PathBase}/sign-in{QueryString.Create(Return, $"{context.Request.PathBase}/authorize{back}")}";

    public async Task AnswerAsync(HttpContext context, bool isPost)
    {
        if (!isPost)
        {
            await AskAsync(context, StatusCodes.Status200OK, Back(context, context.Request.Query[Return]), "", null);
            return;
        }

        if (await forms.ReadAsync(context) is not { } form)
        {
            return;
        }

        var (back, name) = (Back(context, form.GetValueOrDefault(Return)), form.GetValueOrDefault("name") ?? "");
        var (outcome, user) = await passwords.CheckAsync(database, names, name, form.GetValueOrDefault("password"), peers.Of(context), context.RequestAborted);
        switch (outcome)
        {
            case PasswordOutcome.Right:
                await SessionEvents.BeginAsync(context, user!);
                await GoOnAsync(context, back);
                break;
            case PasswordOutcome.TooMany:
                await AskAsync(context, StatusCodes.Status429TooManyRequests, back, name, "Too many wrong passwords came from your address. Wait a quarter of an hour.");
                break;
            case PasswordOutcome.Busy:
                await AskAsync(context, StatusCodes.Status503ServiceUnavailable, back, name, "Too many people sign in at this moment. Try again in a minute.");
                break;
            default:
                await AskAsync(context, StatusCodes.Status403Forbidden, back, name, "That is not a name and its password, or this user cannot sign in now.");
                break;
        }
    }

    private Task AskAsync(HttpContext context, int status, string back, string name, string? problem) => SignInPages.WriteAsync(context, status, "Sign in", $"""
        <h1>Sign in</h1>
        {(problem is null ? "" : $"<p class=\"bad\" role=\"alert\">{SignInPages.Text(problem)}</p>")}
        {forms.Html(context, "/sign-in", [new(Return, back)], $"""
            <label for="name">Name</label><input id="name" name="name" value="{SignInPages.Text(name)}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="128" required{(name.Length == 0 ? " autofocus" : "")}>
            <label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required{(name.Length > 0 ? " autofocus" : "")}>
            <button type="submit">Sign in</button>
            """)}
        <p><small>Forgotten? An administrator can give you a new link.</small></p>
        """);

    /// <summary>
    /// Not by a redirect: a page whose form may only lead to this origin may not be redirected on to a program's port or a page elsewhere, which is where this ends. A page that refreshes begins anew.
    /// </summary>
    private static Task GoOnAsync(HttpContext context, string back)
    {
        if (back.Length == 0)
        {
            return SignInPages.SayAsync(context, StatusCodes.Status200OK, "Signed in", "You are signed in. You can close this page.");
        }

        context.Response.Headers["Refresh"] = $"0; url={back}";
        return SignInPages.WriteAsync(context, StatusCodes.Status200OK, "Signed in", $"<h1>Signed in</h1><p>Going on… If nothing happens, <a href=\"{System.Text.Encodings.Web.HtmlEncoder.Default.Encode(back)}\">go on yourself</a>.</p>");
    }

    /// <summary>Only to our own page, and to nobody else's: an address from a link is a stranger's.</summary>
    private static string Back(HttpContext context, string? address) =>
        address is not null && address.StartsWith($"{context.Request.PathBase}/authorize?", StringComparison.Ordinal) && address.All(c => c is > ' ' and < '\x7f') ? address : "";
}
