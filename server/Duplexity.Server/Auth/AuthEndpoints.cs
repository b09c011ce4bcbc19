using System.Text.Json.Serialization;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.Auth;

/// <summary><c>/auth</c>: who am I, signing in, tokens and keys; and in Development, tokens for whoever may have them.</summary>
internal static class AuthEndpoints
{
    /// <summary>Maps <c>/auth</c> and what is below it, and <c>/api/tokens</c>.</summary>
    public static IEndpointConventionBuilder MapDuplexityAuth(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/auth");
        var services = routes.ServiceProvider;
        var signIn = services.GetRequiredService<SignInEndpoints>();

        // Every method: routing would answer others with 405 before the gate has looked at the host.
        group.Map("", context => HttpMethods.IsPost(context.Request.Method) ? AuthRequests.HandleAsync(context, signIn.WaitAsync) : WhoAmIAsync(context))
            .AddServiceGate(request => !HttpMethods.IsPost(request.Method));
        signIn.Map(group);
        services.GetRequiredService<VisitorSignIn>().Map(group, signIn, services.GetRequiredService<Assertions>());
        var tokens = services.GetRequiredService<TokenEndpoints>();
        tokens.Map(group);
        routes.MapService("POST", "/api/tokens", tokens.MintAsync).WithMetadata(new ApiEndpoint());
        if (services.GetRequiredService<DevelopmentIdentity>() is { IsInDevelopment: true } development)
        {
            // Every method here as well, or a GET would be told 405 and so that there is something. It is not under the gate's origins: it takes none at all.
            group.Map("/development", development.AnswerAsync).WithMetadata(new ServiceEndpoint(development.MayKnow)).AllowAnonymous();
        }

        return group;
    }

    private static Task WhoAmIAsync(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = "GET, HEAD, POST";
            return Task.CompletedTask;
        }

        var identity = context.Features.Get<Identity>()!;
        context.Response.Headers.CacheControl = "no-store";
        var answer = new WhoAmI(identity.Client, identity.ExpiresAt?.ToUnixTimeMilliseconds(), identity.Issuer, [identity.Client], identity.Allowances);
        return context.Response.WriteAsJsonAsync(answer, AllowanceClaim.Json, context.RequestAborted);
    }

    /// <summary>The answer of <c>GET /auth</c>.</summary>
    /// <param name="Client">The CID.</param>
    /// <param name="ExpiresAt">When the token ends here, in milliseconds since 1970 UTC, as everywhere on the wire.</param>
    /// <param name="Issuer">Who vouched for it.</param>
    /// <param name="Clients">All CIDs that the request proves.</param>
    /// <param name="Allowances">What it may do, by this token.</param>
    private sealed record WhoAmI(
        [property: JsonPropertyName("client")] string Client,
        [property: JsonPropertyName("expiresAt"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? ExpiresAt,
        [property: JsonPropertyName("issuer")] string Issuer,
        [property: JsonPropertyName("clients")] string[] Clients,
        [property: JsonPropertyName("allowances")] Allowances Allowances);
}
