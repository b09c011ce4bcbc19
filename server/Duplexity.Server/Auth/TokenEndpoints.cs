using System.Security.Claims;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>Tokens for those who need no person: refresh handles, API keys, the application's own sign-in, and whoever may make tokens for its users.</summary>
internal sealed class TokenEndpoints(Grants grants, PageCodes codes, ApiKeys keys, AccessTokens tokens, AllowanceResolver allowances, BrowserOrigins origins, Standing standing, IOptions<DuplexityOptions> options)
{
    /// <summary>Maps what is below <c>/auth</c>.</summary>
    public void Map(IEndpointRouteBuilder auth)
    {
        auth.MapService("POST", "/token", TokenAsync, requireIdentity: false);
        auth.MapService("POST", "/refresh", async context => await RefreshAsync(context, (await AuthRequests.ReadFieldsAsync(context)).GetValueOrDefault("refresh_token")), requireIdentity: false);
        auth.MapService("POST", "/logout", LogoutAsync, requireIdentity: false);
        auth.MapService("POST", "/session", SessionAsync, requireIdentity: false);
        auth.MapService("GET POST", "/keys", KeysAsync);
        auth.MapService("DELETE", "/keys/{name}", RemoveKeyAsync);
    }

    /// <summary>Answers <c>POST /api/tokens</c>: a token for a client that the caller may administer.</summary>
    public async Task MintAsync(HttpContext context)
    {
        var caller = new AllowanceRules(context.Features.Get<Identity>()!.Allowances);
        if (await AuthRequests.ReadAsync<Minting>(context) is not { Client: { } client } asked || !Address.IsClientId(client))
        {
            await AuthRequests.RefuseAsync(context, "Send {\"client\": CID, \"lifetimeSeconds\"?: 1 to 86400, \"allowances\"?: {…}}.");
            return;
        }

        if ((caller.DeniesAdministering(client) ?? standing.Removed(client)) is { } denied)
        {
            await AuthRequests.RefuseAsync(context, denied);
            return;
        }

        var lifetime = TimeSpan.FromSeconds(asked.LifetimeSeconds ?? (int)options.Value.Times.AccessToken.TotalSeconds);
        var problem = lifetime < TimeSpan.FromSeconds(1) || lifetime > TokenIssuer.MaxLifetime ? "lifetimeSeconds is from 1 to 86400." : asked.Allowances is null ? null : AllowanceSets.Problem(asked.Allowances);
        if (problem is not null)
        {
            await AuthRequests.RefuseAsync(context, problem);
            return;
        }

        // As a key for another client: where nothing is said, what everybody may, or a token that says only what it may send would administer as its maker does. And never more than who asks.
        var given = AllowanceSets.Intersection(caller.Shown, AllowanceSets.Or(asked.Allowances, allowances.Resolve([], null)));

        // What a key made ends with the key.
        var key = context.Features.Get<Identity>()!.KeyId is { } id && ApiKeys.IsKey(id) ? id : null;
        await AuthRequests.AnswerAsync(context, tokens.For(client, lifetime, new(given, null, key)));
    }

    private async Task TokenAsync(HttpContext context)
    {
        var fields = await AuthRequests.ReadFieldsAsync(context);
        switch (fields.GetValueOrDefault("grant_type") ?? (fields.ContainsKey("key") ? "client_credentials" : null))
        {
            case "authorization_code":
                var person = await codes.RedeemAsync(fields.GetValueOrDefault("code"), fields.GetValueOrDefault("redirect_uri"), fields.GetValueOrDefault("code_verifier"), context.RequestAborted);
                var (begun, outside) = person is null ? default : await grants.BeginAsync(person, context.RequestAborted);
                await (outside is null ? AnswerAsync(context, begun, "The code is not good, or not any more.") : AuthRequests.RefuseAsync(context, outside));
                break;
            case "refresh_token":
                await RefreshAsync(context, fields.GetValueOrDefault("refresh_token"));
                break;
            case "client_credentials":
                await AnswerAsync(context, await keys.ExchangeAsync(fields.GetValueOrDefault("key") ?? fields.GetValueOrDefault("client_secret"), context.RequestAborted), "The key is not good, or not any more.");
                break;
            default:
                await AuthRequests.RefuseAsync(context, "grant_type is authorization_code, refresh_token or client_credentials.");
                break;
        }
    }

    private async Task RefreshAsync(HttpContext context, string? handle)
    {
        var (answer, error) = await grants.RefreshAsync(handle, context.RequestAborted);
        await (error is null ? AuthRequests.AnswerAsync(context, answer) : AuthRequests.RefuseAsync(context, error));
    }

    private async Task LogoutAsync(HttpContext context)
    {
        await grants.LogoutAsync((await AuthRequests.ReadFieldsAsync(context)).GetValueOrDefault("refresh_token"), context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>A token for whoever the application's own scheme knows. A cookie is sent by whatever page makes the browser do so; hence only for pages of this very origin.</summary>
    private async Task SessionAsync(HttpContext context)
    {
        if (options.Value.Scheme is not { Length: > 0 } scheme)
        {
            await AuthRequests.RefuseAsync(context, DuplexityError.Of(Errors.Denied, "This service takes no sign-in of the application it lives in: AddDuplexity(o => o.Scheme = …)."));
            return;
        }

        var request = context.Request;
        var isOwnPage = request.Headers["Sec-Fetch-Site"] is ["same-origin"] || (request.Headers["Sec-Fetch-Site"].Count == 0 && request.Headers.Origin is [{ } origin]
            && BrowserOrigins.Canonical(origin) == BrowserOrigins.Canonical(origins.Own(request)));
        if (!isOwnPage)
        {
            await AuthRequests.RefuseAsync(context, DuplexityError.Of(Errors.Denied, "Only pages of this origin may ask."));
            return;
        }

        var known = await context.AuthenticateAsync(scheme);
        var auth = options.Value.Auth;
        var name = known.Principal?.FindFirst(auth.CidClaim)?.Value ?? (auth.CidClaim == "sub" ? known.Principal?.FindFirst(ClaimTypes.NameIdentifier)?.Value : null);
        var client = known.Succeeded ? ClientName.Of(auth.SchemePrefix ?? "", name) : null;
        string[] roles = [.. known.Principal?.Claims.Where(c => c.Type is "role" or "roles" or ClaimTypes.Role).Select(c => c.Value) ?? []];
        await (client is not null && standing.Out(client) is { } outside
            ? AuthRequests.RefuseAsync(context, outside)
            : AnswerAsync(context, client is null ? null : tokens.For(client, new(null, roles)), "Nobody is signed in there, or under a name that cannot be a client."));
    }

    private async Task KeysAsync(HttpContext context)
    {
        var caller = context.Features.Get<Identity>()!;
        var rules = new AllowanceRules(caller.Allowances);
        if (HttpMethods.IsGet(context.Request.Method))
        {
            var whose = context.Request.Query["client"] is [{ } named] ? named : caller.Client;
            await (MayManage(caller, rules, whose) is { } hidden
                ? AuthRequests.RefuseAsync(context, hidden)
                : AuthRequests.AnswerAsync(context, new { keys = await keys.ListAsync(whose == AllowanceRules.Everybody ? null : whose, context.RequestAborted) }));
            return;
        }

        var asked = await AuthRequests.ReadAsync<Adding>(context);
        if (asked is null || (asked.Client is not null && !Address.IsClientId(asked.Client)) || (asked.Allowances is not null && AllowanceSets.Problem(asked.Allowances) is not null))
        {
            await AuthRequests.RefuseAsync(context, "Send {\"name\": NAME, \"client\"?: CID, \"allowances\"?: {…}}.");
            return;
        }

        var client = asked.Client ?? caller.Client;
        if (MayManage(caller, rules, client) is { } refused)
        {
            await AuthRequests.RefuseAsync(context, refused);
            return;
        }

        // For oneself as much as one may; for another client what everybody may. In neither case more than who asks.
        var wanted = client == caller.Client ? asked.Allowances : AllowanceSets.Or(asked.Allowances, allowances.Resolve([], null));
        var (key, error) = await keys.AddAsync(client, asked.Name, AllowanceSets.Intersection(rules.Shown, wanted), caller.Client, context.RequestAborted);
        await (error is null ? AuthRequests.AnswerAsync(context, key) : AuthRequests.RefuseAsync(context, error));
    }

    private async Task RemoveKeyAsync(HttpContext context)
    {
        var caller = context.Features.Get<Identity>()!;
        var client = context.Request.Query["client"] is [{ } named] ? named : caller.Client;
        if (MayManage(caller, new AllowanceRules(caller.Allowances), client) is { } refused)
        {
            await AuthRequests.RefuseAsync(context, refused);
            return;
        }

        if (await keys.RemoveAsync(client, (string)context.Request.RouteValues["name"]!, caller.Client, context.RequestAborted))
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        await AuthRequests.AnswerAsync(context, new { error = DuplexityError.Of(Errors.InvalidRequest, "There is no key of that name.") }, StatusCodes.Status404NotFound);
    }

    private static DuplexityError? MayManage(Identity caller, AllowanceRules rules, string client)
    {
        if (caller.KeyId is { } id && ApiKeys.IsKey(id))
        {
            return DuplexityError.Of(Errors.Denied, "A key makes no further keys: it would outlive its own removal. Sign in.");
        }

        return client == caller.Client ? null : rules.DeniesAdministering(client);
    }

    private static Task AnswerAsync(HttpContext context, TokenAnswer? answer, string refusal) => answer is null
        ? AuthRequests.RefuseAsync(context, DuplexityError.Of(Errors.TokenRefused, refusal))
        : AuthRequests.AnswerAsync(context, answer);

    private sealed record Adding(string? Name, string? Client, Allowances? Allowances);
}

/// <summary>Asks for a token for a client that the caller may administer.</summary>
/// <param name="Client">The CID.</param>
/// <param name="LifetimeSeconds">For how long, 1 to 86,400; absent: the service's own default, ten minutes.</param>
/// <param name="Allowances">What the token may do, as far as the caller itself may; absent: what the client's roles or the default give.</param>
internal sealed record Minting(string? Client, int? LifetimeSeconds, Allowances? Allowances);
