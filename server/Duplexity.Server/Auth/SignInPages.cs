using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Auth;

/// <summary>The pages of a sign-in: small, finished, without scripts. All that came from outside is made visible and encoded.</summary>
internal static class SignInPages
{
    private const string Style =
        """
        :root{color-scheme:light dark;--ink:#1c2024;--dim:#60646c;--line:#d9d9e0;--card:#fff;--page:#f6f6f9;--mark:#2f5bd7;--bad:#c6373b}
        @media(prefers-color-scheme:dark){:root{--ink:#edeef0;--dim:#b0b4ba;--line:#3a3f45;--card:#1b1d21;--page:#111316;--mark:#8aa8ff;--bad:#ff9592}}
        *{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--page);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}
        main{width:100%;max-width:27rem;background:var(--card);border:1px solid var(--line);border-radius:14px;padding:2rem}
        .name{font-weight:600;color:var(--mark);margin:0 0 1.2rem}h1{font-size:1.35rem;margin:0 0 .6rem}p{margin:.6rem 0}
        dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:1rem 0;padding:.8rem 1rem;border:1px solid var(--line);border-radius:10px}
        dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}label{display:block;font-weight:600;margin:1rem 0 .3rem}
        input{width:100%;font:inherit;padding:.65rem .8rem;border:1px solid var(--line);border-radius:9px;background:var(--page);color:var(--ink)}
        input.code{font:600 1.35rem ui-monospace,monospace;letter-spacing:.14em;text-align:center;text-transform:uppercase}
        button{display:block;width:100%;margin-top:1.1rem;padding:.7rem;border:0;border-radius:9px;background:var(--mark);color:var(--card);font:600 1rem system-ui,sans-serif;cursor:pointer}
        a.go{display:block;margin-top:1.1rem;padding:.7rem;border-radius:9px;background:var(--mark);color:var(--card);font-weight:600;text-align:center;text-decoration:none}
        button.plain{margin-top:.6rem;background:none;color:var(--ink);border:1px solid var(--line)}a{color:var(--mark)}ul{margin:.6rem 0;padding-left:1.2rem}.away{position:absolute;left:-99rem}
        pre{margin:1rem 0;padding:.8rem 1rem;border:1px solid var(--line);border-radius:10px;white-space:pre-wrap;overflow-wrap:anywhere;font:.9rem/1.7 ui-monospace,monospace}
        :focus-visible{outline:3px solid var(--mark);outline-offset:2px}.bad{color:var(--bad);font-weight:600}small{color:var(--dim)}input+small{display:block;margin-top:.45rem;line-height:1.4}
        """;

    private static readonly string StyleHash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)));

    /// <summary>Text from outside in a page.</summary>
    public static string Text(string? text) => HtmlEncoder.Default.Encode(VisibleText.Of(text, 256));

    /// <summary>A page that only says something.</summary>
    public static Task SayAsync(HttpContext context, int status, string title, string sentence) => WriteAsync(context, status, title, $"<h1>{Text(title)}</h1><p>{Text(sentence)}</p>");

    /// <summary>Asks the person for the code that their terminal shows, and says what for.</summary>
    public static Task AskCodeAsync(HttpContext context, SignIn signIn, Attempt attempt, string action, string? problem) => WriteAsync(context, StatusCodes.Status200OK, "Connect a program", $"""
        <h1>Connect a program</h1>
        <p>You are signed in as <strong>{Text(attempt.Person.Client)}</strong>. A program wants to act as you:</p>
        <dl><dt>Program</dt><dd>{Text(signIn.Program)}</dd><dt>From</dt><dd>{Text(signIn.Address)}</dd>
        <dt>Asked at</dt><dd>{signIn.BegunAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)} UTC</dd></dl>
        <p>Type the code that <strong>your own terminal</strong> shows. If you did not start this yourself, or somebody sent you here, close this page.</p>
        {(problem is null ? "" : $"<p class=\"bad\" role=\"alert\">{Text(problem)}</p>")}
        <form method="post" action="{HtmlEncoder.Default.Encode(action)}">
        <input type="hidden" name="id" value="{Text(signIn.Id)}"><input type="hidden" name="attempt" value="{Text(attempt.Id)}">
        <label for="code">Code</label><input class="code" id="code" name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="12" placeholder="XXXX-XXXX" required autofocus>
        <button type="submit">Connect it</button></form>
        """);

    /// <summary>
    /// Leads a browser back to the page that sent it here. To the page of a public pipe, which is somebody else's, only the person does: a page could otherwise learn who comes by without asking.
    /// </summary>
    public static Task LeadBackAsync(HttpContext context, PageRedirect redirect, Person? person, string address)
    {
        if (redirect.Pipe is null || person is null)
        {
            context.Response.Redirect(address);
            return Task.CompletedTask;
        }

        return WriteAsync(context, StatusCodes.Status200OK, "Visit a page", $"""
            <h1>Visit {Text(redirect.Pipe)}</h1>
            <p>You are signed in as <strong>{Text(person.Client)}</strong>. This page belongs to <strong>{Text(redirect.Owner)}</strong>, who is told who you are when you go on.</p>
            <p><a class="go" id="go" href="{HtmlEncoder.Default.Encode(address)}">Go on to {Text(redirect.Pipe)}</a></p>
            <p><small>If you did not want to go there, close this page: nobody is told anything.</small></p>
            """);
    }

    /// <summary>Writes a page in the common shell: one card, nothing loaded from anywhere, framed by nobody.</summary>
    /// <param name="context">The request.</param>
    /// <param name="status">The status.</param>
    /// <param name="title">The page's title, as text.</param>
    /// <param name="content">What stands in the card: HTML, encoded by the caller.</param>
    /// <param name="leadsTo">An origin beside our own to which a form of the page may be answered with a redirect.</param>
    public static async Task WriteAsync(HttpContext context, int status, string title, string content, string? leadsTo = null)
    {
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = "text/html; charset=utf-8";
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";

        // Not "no-referrer": with that a browser sends Origin: null with the page's own form, which says nothing about where it is from.
        response.Headers["Referrer-Policy"] = "same-origin";
        response.Headers.XFrameOptions = "DENY";
        response.Headers.ContentSecurityPolicy = $"default-src 'none'; style-src 'sha256-{StyleHash}'; form-action 'self'{(leadsTo is null ? "" : $" {leadsTo}")}; base-uri 'none'; frame-ancestors 'none'";
        var page = $"""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">
            <title>{Text(title)} · Duplexity</title><style>{Style}</style></head>
            <body><main><p class="name">Duplexity</p>
            {content}
            </main></body></html>

            """;
        await response.WriteAsync(page, context.RequestAborted);
    }
}
