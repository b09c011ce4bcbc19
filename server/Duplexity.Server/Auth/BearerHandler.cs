using System.Text.Encodings.Web;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>
/// The scheme <c>Duplexity</c>: a bearer token (below <c>/api</c> also an API key) becomes the request's <see cref="Identity"/>. Cookies never authenticate (G5): a page can make a browser send those.
/// </summary>
internal sealed class BearerHandler(TokenReader tokens, ApiKeys keys, IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    private const string Bearer = "Bearer ";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Token() is not { } token)
        {
            return AuthenticateResult.NoResult();
        }

        // The reason is in TokenReader's log and nowhere else: an answer that says what was wrong helps whoever is trying tokens.
        // A key itself opens what programs call without a socket, and nothing else: a connection lasts, and its token's end bounds what a stolen one is worth.
        var isKey = ApiKeys.LooksLikeKey(token) && Context.GetEndpoint()?.Metadata.GetMetadata<ApiEndpoint>() is not null;
        if (await (isKey ? keys.IdentifyAsync(token, Context.RequestAborted) : tokens.ReadAsync(token, Context.RequestAborted)) is not { } identity)
        {
            return AuthenticateResult.Fail("The token was refused.");
        }

        Context.Features.Set(identity);
        return AuthenticateResult.Success(new(identity.Principal, new() { ExpiresUtc = identity.ExpiresAt }, Scheme.Name));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.StatusCode = StatusCodes.Status401Unauthorized;
        Response.Headers.WWWAuthenticate = "Bearer";
        return Task.CompletedTask;
    }

    private string? Token()
    {
        var header = Request.Headers.Authorization;
        if (header.Count > 0)
        {
            return header is [{ } only] && only.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? only[Bearer.Length..].Trim() : null;
        }

        // Browsers cannot set headers on a WebSocket, so the hubs alone take the query, which otherwise ends up in logs and histories.
        return IsHub(Request.Path) && Request.Query["access_token"] is [{ Length: > 0 } query] ? query : null;
    }

    private static bool IsHub(PathString path) =>
        path.Value is { } value
        && (value.EndsWith("/control", StringComparison.OrdinalIgnoreCase) || value.EndsWith("/data", StringComparison.OrdinalIgnoreCase));
}
