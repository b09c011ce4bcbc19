using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;

namespace Duplexity.Server.Auth;

/// <summary>
/// What every request to the service passes before anything of it runs, upgrades included, in this order: its host, the page that it comes from, who it is.
/// It is part of the endpoint itself, so that it holds whatever middleware the application has, and in whatever order.
/// </summary>
internal static class ServiceGate
{
    private static readonly DuplexityError ForeignPage = DuplexityError.Of(Errors.Denied, "Pages of this origin may not use the service; the operator lists those that may in Duplexity:Origins.");

    private static readonly DuplexityError Away = DuplexityError.Of(Errors.Unavailable, "This node cannot reach its engine now; try again in a moment.");

    private static readonly DuplexityError Emptied = DuplexityError.Of(Errors.Draining, "This node is being emptied; connect again, to another one.");

    private static readonly DuplexityError NoIdentity = DuplexityError.Of(Errors.TokenRefused, "Send `Authorization: Bearer` with an access token or an API key; there was none, or it is not good, or not any more.");

    /// <summary>Puts the gate in front of endpoints of ours: hubs, WebSockets and plain requests alike.</summary>
    /// <param name="builder">The endpoints.</param>
    /// <param name="requireIdentity">Whether a request without a good token is answered 401; with one, its <see cref="Identity"/> is a feature of the request.</param>
    public static TBuilder AddServiceGate<TBuilder>(this TBuilder builder, bool requireIdentity = true)
        where TBuilder : IEndpointConventionBuilder => builder.AddServiceGate(_ => requireIdentity);

    /// <summary>The same, where it depends on the request whether it needs a good token.</summary>
    public static TBuilder AddServiceGate<TBuilder>(this TBuilder builder, Func<HttpRequest, bool> requireIdentity)
        where TBuilder : IEndpointConventionBuilder
    {
        builder.Add(endpoint =>
        {
            endpoint.Metadata.Add(new ServiceEndpoint());

            // The application's fallback policy is about its own users and would ask for its own cookie here; the gate asks for ours.
            endpoint.Metadata.Add(new AllowAnonymousAttribute());
            if (endpoint.RequestDelegate is { } inner)
            {
                endpoint.RequestDelegate = context => PassAsync(context, inner, requireIdentity);
            }
        });
        return builder;
    }

    private static async Task PassAsync(HttpContext context, RequestDelegate inner, Func<HttpRequest, bool> requireIdentity)
    {
        var (request, response) = (context.Request, context.Response);
        if (!context.RequestServices.GetRequiredService<BrowserOrigins>().IsAllowed(request))
        {
            await RefuseAsync(context, StatusCodes.Status403Forbidden, ForeignPage);
            return;
        }

        if (request.Headers.Origin is [{ } origin])
        {
            ShareWith(origin, request, response);
            if (IsPreflight(request))
            {
                response.StatusCode = StatusCodes.Status204NoContent;
                return;
            }
        }

        // Before the upgrade, and before anything is asked that would wait for the engine.
        var engine = context.RequestServices.GetRequiredService<IEngine>();
        if ((context.GetEndpoint()?.Metadata.GetMetadata<NeedsEngine>() is not null && engine.IsAway) || engine.Lease is { IsOver: true })
        {
            await RefuseAsync(context, AuthRequests.Mark(response, Away), Away);
            return;
        }

        if (context.GetEndpoint()?.Metadata.GetMetadata<ClosedWhileDraining>() is not null && context.RequestServices.GetRequiredService<NodeBook>().SendsAway)
        {
            await RefuseAsync(context, AuthRequests.Mark(response, Emptied), Emptied);
            return;
        }

        if (requireIdentity(request))
        {
            var result = await context.AuthenticateAsync(DuplexityScheme.Name);
            if (!result.Succeeded)
            {
                await context.ChallengeAsync(DuplexityScheme.Name);
                await RefuseAsync(context, response.StatusCode, NoIdentity);
                return;
            }

            var identity = context.Features.Get<Identity>()!;
            if (context.RequestServices.GetRequiredService<Standing>().Block(identity.Client, request.Query["session"]) is { } blocked)
            {
                await RefuseAsync(context, AuthRequests.Mark(response, blocked), blocked);
                return;
            }

            context.User = result.Principal;
        }

        await inner(context);
    }

    // A body for those who read one; the others are answered by status alone, as upgrades are.
    private static Task RefuseAsync(HttpContext context, int status, DuplexityError error)
    {
        context.Response.StatusCode = status;
        return context.GetEndpoint()?.Metadata.GetMetadata<ApiEndpoint>() is null ? Task.CompletedTask : AuthRequests.AnswerAsync(context, new { error }, status);
    }

    // By hand, and not by the application's CORS middleware: that has the application's policies, may not be there, and must not change because of us.
    private static void ShareWith(string origin, HttpRequest request, HttpResponse response)
    {
        response.Headers.AccessControlAllowOrigin = origin;
        response.Headers.Append(HeaderNames.Vary, HeaderNames.Origin);

        // The stock client asks with credentials. They open nothing here: cookies never authenticate.
        response.Headers.AccessControlAllowCredentials = "true";
        response.Headers.AccessControlExposeHeaders = "Retry-After";
        if (IsPreflight(request))
        {
            response.Headers.AccessControlAllowMethods = "GET, POST, PUT, DELETE";
            response.Headers.AccessControlAllowHeaders = "Authorization, Content-Type, Idempotency-Key, X-Requested-With, X-SignalR-User-Agent";
            response.Headers.AccessControlMaxAge = "600";
        }
    }

    private static bool IsPreflight(HttpRequest request) =>
        HttpMethods.IsOptions(request.Method) && request.Headers.ContainsKey(HeaderNames.AccessControlRequestMethod);
}
