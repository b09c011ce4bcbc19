using Duplexity.Server.Auth;
using Duplexity.Server.OpenId.Users;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.OpenId.Pages;

/// <summary>Where whoever started the node becomes its first administrator: by the link in the terminal, and only while there is none.</summary>
internal sealed class FirstPage(UserDirectory users, Links links, Forms forms, IOptions<OpenIdOptions> options)
{
    private const string Token = "token";

    public async Task AnswerAsync(HttpContext context, bool isPost)
    {
        var form = isPost ? await forms.ReadAsync(context) : null;
        if (isPost && form is null)
        {
            return;
        }

        var token = form?.GetValueOrDefault(Token) ?? context.Request.Query[Token].ToString();
        if (await links.FindAsync(token, context.RequestAborted) is not { User: null } || await users.HasAdministratorAsync())
        {
            await SignInPages.SayAsync(context, StatusCodes.Status404NotFound, "This link is over", "The node prints another at its next start, for as long as it has no administrator.");
            return;
        }

        if (form is null)
        {
            await AskAsync(context, token, "", null);
            return;
        }

        var name = form.GetValueOrDefault("name") ?? "";
        if (NewPassword.Of(form) is not { } password)
        {
            await AskAsync(context, token, name, NewPassword.Different);
            return;
        }

        var (user, error) = await users.AddFirstAsync(token, name, password, context.RequestAborted);
        if (user is null)
        {
            await AskAsync(context, token, name, error?.Sentence);
            return;
        }

        var service = InvitationPage.Service(context);
        await SignInPages.WriteAsync(context, StatusCodes.Status200OK, "Welcome", $"""
            <h1>Welcome, {SignInPages.Text(user.Name)}</h1>
            <p>You are the administrator of this node. In a terminal:</p>
            <pre>duplexity login {SignInPages.Text(service)}
            duplexity user add NAME</pre>
            <p>The second line prints a link for the next person.</p>
            """);
    }

    private Task AskAsync(HttpContext context, string token, string name, string? problem) =>
        SignInPages.WriteAsync(context, problem is null ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest, "The first administrator", $"""
            <h1>The first administrator</h1>
            <p>This node has no users yet. Whoever you say you are here may administer it, and add the others.</p>
            {(problem is null ? "" : $"<p class=\"bad\" role=\"alert\">{SignInPages.Text(problem)}</p>")}
            {forms.Html(context, "/first", [new(Token, token)], $"""
                <label for="name">Name</label><input id="name" name="name" value="{SignInPages.Text(name)}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="128" required autofocus aria-describedby="ever">
                <small id="ever">Such as amy. It never changes, and nobody else ever gets it.</small>{NewPassword.Fields(options.Value.PasswordLength)}<button type="submit">Begin</button>
                """)}
            """);
}
