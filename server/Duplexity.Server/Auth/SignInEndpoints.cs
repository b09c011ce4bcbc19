using System.Net;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>
/// Signing in through the provider: a program waits on an open <c>POST /auth</c> while the person uses a browser; a page of an application is sent there and back. See <see cref="SignIns"/> for
/// what keeps whoever sent the link from what the person gets.
/// </summary>
internal sealed partial class SignInEndpoints(
    SignIns signIns, OidcProvider provider, Grants grants, PageCodes codes, DevelopmentIdentity development, PeerAddresses peers, BrowserOrigins origins, IHostApplicationLifetime lifetime, TimeProvider time,
    IOptions<DuplexityOptions> options)
{
    private const string Cookie = "__Host-duplexity-sign-in";

    /// <summary>How much of a page is kept while its browser is at the provider: its address, and its own state.</summary>
    private const int MaxKept = 1024;

    /// <summary>Maps what is below <c>/auth</c> for a person and a browser; <c>POST /auth</c> itself is <see cref="WaitAsync"/>.</summary>
    public void Map(IEndpointRouteBuilder auth)
    {
        auth.MapService("GET HEAD", "/providers", context => AuthRequests.AnswerAsync(context, new { signIn = provider.IsConfigured, development = development.IsInDevelopment }), requireIdentity: false);
        auth.MapService("GET", "/start", StartAsync, requireIdentity: false);
        auth.MapService("GET", "/authorize", AuthorizeAsync, requireIdentity: false);
        auth.MapService("GET", "/callback", ReturnAsync, requireIdentity: false);
        auth.MapService("POST", "/approve", ApproveAsync, requireIdentity: false);
        auth.MapService("POST", "/proof", ProveAsync, requireIdentity: false);
    }

    private async Task StartAsync(HttpContext context)
    {
        if (await signIns.FindAsync(context.Request.Query["id"], context.RequestAborted) is not { } signIn)
        {
            await SignInPages.SayAsync(context, StatusCodes.Status404NotFound, "This link is over", "Sign-in links are good for ten minutes. Begin again in your terminal.");
            return;
        }

        await LeaveAsync(context, signIn.Id, null);
    }

    private async Task AuthorizeAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var isKnown = Uri.TryCreate(query["redirect_uri"], UriKind.Absolute, out var uri) && codes.MayReturnTo(uri, context.Request);
        if (!isKnown || query["code_challenge"] is not [{ Length: 43 } challenge] || query["code_challenge_method"] != "S256" || query["response_type"] is not ([] or ["code"]) || query["state"].ToString().Length > MaxKept || uri!.AbsoluteUri.Length > MaxKept)
        {
            await SignInPages.SayAsync(context, StatusCodes.Status400BadRequest, "This page may not ask", isKnown
                ? $"It must send response_type=code, code_challenge (43 characters) and code_challenge_method=S256; its address and its state have at most {MaxKept} characters each."
                : "Its address is not one of an origin that this service knows (Duplexity:Origins).");
            return;
        }

        if (!provider.IsConfigured)
        {
            await SignInPages.SayAsync(context, StatusCodes.Status404NotFound, "No sign-in here", "This service has no OpenID provider.");
            return;
        }

        await LeaveAsync(context, null, new PageRedirect(uri!.AbsoluteUri, query["state"] is [{ } state] ? state : null, challenge));
    }

    public async Task LeaveAsync(HttpContext context, string? signIn, PageRedirect? redirect)
    {
        if (new Uri(origins.BaseOf(context.Request)) is { Scheme: "http" } plain && !ServiceHosts.IsLoopback(plain.Host))
        {
            await SignInPages.SayAsync(context, StatusCodes.Status400BadRequest, "Not over plain http", "Signing in needs https (or a browser on the same machine). Tell the operator to set Duplexity:Url.");
            return;
        }

        var cookie = context.Request.Cookies[Cookie] is { Length: 43 } there ? there : Secrets.New();
        var (address, error) = await signIns.LeaveAsync(signIn, redirect, cookie, $"{origins.BaseOf(context.Request)}/auth/callback", peers.Of(context), context.RequestAborted);
        if (address is null)
        {
            await (error!.Is(Errors.RateLimited)
                ? SignInPages.SayAsync(context, StatusCodes.Status429TooManyRequests, "Too many sign-ins", error.Sentence)
                : SignInPages.SayAsync(context, StatusCodes.Status503ServiceUnavailable, "The sign-in is away", error.Sentence));
            return;
        }

        context.Response.Cookies.Append(Cookie, cookie, new CookieOptions { HttpOnly = true, Secure = true, SameSite = SameSiteMode.Lax, Path = "/", MaxAge = options.Value.Times.SignIn });
        context.Response.Redirect(address);
    }

    private async Task ReturnAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var cookie = context.Request.Cookies[Cookie];
        if (await signIns.ReturnAsync(query["state"], cookie, context.RequestAborted) is not { } left)
        {
            await SignInPages.SayAsync(context, StatusCodes.Status400BadRequest, "Not from here", "This answer belongs to no sign-in that this browser began, or it was used already. Begin again.");
            return;
        }

        // RFC 9207: where the provider says who it is, it must be the one that was asked.
        var isMixedUp = query["iss"] is [{ } issuer] && issuer.TrimEnd('/') != options.Value.Auth.Oidc.Authority!.TrimEnd('/');
        var (outcome, person) = query["code"] is [{ Length: > 0 } code] && !isMixedUp
            ? await provider.RedeemAsync(code, left.Callback, left.Nonce, left.Verifier, context.RequestAborted)
            : (ProviderOutcome.Refused, null);
        if (left.Redirect is { } redirect)
        {
            await SignInPages.LeadBackAsync(context, redirect, person, await codes.ReturnAsync(redirect, person, outcome, context.RequestAborted));
            return;
        }

        if (person is null)
        {
            await SignInPages.SayAsync(context, outcome == ProviderOutcome.Away ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status403Forbidden, "Not signed in", outcome == ProviderOutcome.Away
                ? "The OpenID provider does not answer. Open the link again in a minute."
                : "The sign-in was refused or given up. Open the link again to try once more.");
            return;
        }

        if (await signIns.ArriveAsync(left.SignIn, person, cookie!, context.RequestAborted) is not var (signIn, attempt))
        {
            await SignInPages.SayAsync(context, StatusCodes.Status410Gone, "Nobody waits any more", "The program that asked is gone, or its time is over. Begin again there.");
            return;
        }

        // The grant goes to the person's own machine and to no other. By itself only where the program seems to be on it.
        var loopback = signIn.Port is { } port ? $"http://127.0.0.1:{port}/?id={signIn.Id}&grant={attempt.Grant}" : null;
        var address = peers.Of(context);
        if (loopback is not null && (address.Equals(signIn.AskedFrom) || (IPAddress.IsLoopback(address) && IPAddress.IsLoopback(signIn.AskedFrom))))
        {
            context.Response.Redirect(loopback);
            return;
        }

        await SignInPages.AskCodeAsync(context, signIn, attempt, $"{origins.BaseOf(context.Request)}/auth/approve", null);
    }

    private async Task ApproveAsync(HttpContext context)
    {
        var form = await AuthRequests.ReadFieldsAsync(context);
        var signIn = await signIns.FindAsync(form.GetValueOrDefault("id"), context.RequestAborted);

        // Origin and cookie: a page elsewhere can make this browser neither say the one nor send the other.
        var isOwnPage = context.Request.Headers.Origin is [{ } origin] && origin == BrowserOrigins.Canonical(origins.Own(context.Request));
        if (signIn?.Find(form.GetValueOrDefault("attempt"), context.Request.Cookies[Cookie]) is not { } attempt || !isOwnPage)
        {
            await SignInPages.SayAsync(context, StatusCodes.Status400BadRequest, "Nobody waits any more", "The program that asked is gone, or its time is over. Begin again there.");
            return;
        }

        switch (await signIns.TryAsync(signIn, attempt, form.GetValueOrDefault("code"), peers.Of(context), context.RequestAborted))
        {
            case CodeOutcome.Right:
                await SignInPages.SayAsync(context, StatusCodes.Status200OK, "Connected", "The program is connected. You can close this page.");
                break;
            case CodeOutcome.Wrong:
                await SignInPages.AskCodeAsync(context, signIn, attempt, $"{origins.BaseOf(context.Request)}/auth/approve", "That is not the code. Look at the terminal again.");
                break;
            case CodeOutcome.TooMany:
                await SignInPages.SayAsync(context, StatusCodes.Status429TooManyRequests, "Too many wrong codes", "From this address too many wrong codes were typed. Wait ten minutes.");
                break;
            default:
                await SignInPages.SayAsync(context, StatusCodes.Status410Gone, "This sign-in is over", "The code was wrong five times. Begin again in your terminal.");
                break;
        }
    }

    private async Task ProveAsync(HttpContext context)
    {
        var proof = await AuthRequests.ReadAsync<Proof>(context);
        if (await signIns.ProveAsync(proof?.Id, proof?.Verifier, proof?.Grant, context.RequestAborted))
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        await AuthRequests.RefuseAsync(context, DuplexityError.Of(Errors.Denied, "Nothing is proved by this."));
    }

    private sealed record Proof(string? Id, string? Verifier, string? Grant);
}
