using Duplexity.Server.Auth;
using Duplexity.Server.OpenId.Users;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.OpenId.Pages;

/// <summary>Where an invited person chooses a password: once, by the link that an administrator passed on.</summary>
internal sealed class InvitationPage(UserDirectory users, Forms forms, IOptions<OpenIdOptions> options)
{
    private const string Token = "token";

    public async Task AnswerAsync(HttpContext context, bool isPost)
    {
        if (!isPost)
        {
            await AskAsync(context, context.Request.Query[Token].ToString(), null);
            return;
        }

        if (await forms.ReadAsync(context) is not { } form)
        {
            return;
        }

        var token = form.GetValueOrDefault(Token) ?? "";
        if (NewPassword.Of(form) is not { } password)
        {
            await AskAsync(context, token, NewPassword.Different);
            return;
        }

        var (user, problem) = await users.AcceptAsync(token, password, context.RequestAborted);
        await (user is null ? OverAsync(context)
            : problem is not null ? AskAsync(context, token, problem)
            : WelcomeAsync(context, user.Id));
    }

    /// <summary>The service's address as this browser knows it.</summary>
    public static string Service(HttpContext context) => $"{context.Request.Scheme}://{context.Request.Host}{context.Request.PathBase.Value![..^OwnClient.Path.Length]}";

    private async Task AskAsync(HttpContext context, string token, string? problem)
    {
        if (await users.InvitedAsync(token, context.RequestAborted) is not { } user)
        {
            await OverAsync(context);
            return;
        }

        await SignInPages.WriteAsync(context, problem is null ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest, "Choose a password", $"""
            <h1>Choose a password</h1>
            <p>You are <strong>{SignInPages.Text(user.Id)}</strong> here. This link is good once.</p>
            {(problem is null ? "" : $"<p class=\"bad\" role=\"alert\">{SignInPages.Text(problem)}</p>")}
            {forms.Html(context, "/invitation", [new(Token, token)], $"""
                <input class="away" name="name" value="{SignInPages.Text(user.Id)}" autocomplete="username" readonly tabindex="-1" aria-hidden="true">{NewPassword.Fields(options.Value.PasswordLength)}<button type="submit">Set the password</button>
                """)}
            """);
    }

    private static Task WelcomeAsync(HttpContext context, string name) => SignInPages.WriteAsync(context, StatusCodes.Status200OK, "Welcome", $"""
        <h1>Welcome</h1>
        <p>Your password is set, {SignInPages.Text(name)}. Sign in from your terminal:</p>
        <pre>duplexity login {SignInPages.Text(Service(context))}</pre>
        """);

    private static Task OverAsync(HttpContext context) => SignInPages.SayAsync(
        context, StatusCodes.Status404NotFound, "This link is over", "It was used, it is too old, or a newer one was made. Ask an administrator for another.");
}
