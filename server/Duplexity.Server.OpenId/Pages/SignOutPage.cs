using Duplexity.Server.Auth;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.OpenId.Pages;

/// <summary>Ends the browser's session at the provider. Programs that are signed in stay so: those end with <c>duplexity logout</c>.</summary>
internal sealed class SignOutPage(Forms forms)
{
    public async Task AnswerAsync(HttpContext context, bool isPost)
    {
        if (SessionEvents.Of(context.User) is not { } name)
        {
            await SignedOutAsync(context);
            return;
        }

        if (!isPost)
        {
            await SignInPages.WriteAsync(context, StatusCodes.Status200OK, "Sign out", $"""
                <h1>Sign out</h1><p>This browser is signed in as <strong>{SignInPages.Text(name)}</strong>.</p>
                {forms.Html(context, "/sign-out", [], "<button type=\"submit\">Sign out</button>")}
                """);
            return;
        }

        if (await forms.ReadAsync(context) is not null)
        {
            await context.SignOutAsync();
            await SignedOutAsync(context);
        }
    }

    private static Task SignedOutAsync(HttpContext context) =>
        SignInPages.SayAsync(context, StatusCodes.Status200OK, "Signed out", "This browser is signed out here. Programs that you connected stay connected; end them with: duplexity logout");
}
