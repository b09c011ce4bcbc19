using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Matching;

namespace Duplexity.Server.Auth;

/// <summary>Marks an endpoint of the service: it exists on the service's own hosts only, and only for requests that <paramref name="Exists"/> takes.</summary>
/// <param name="Exists">A further condition; null: none.</param>
internal sealed record ServiceEndpoint(Func<HttpContext, bool>? Exists = null);

/// <summary>Marks an endpoint that programs call without a socket: it takes API keys as they are, and says in its body why the gate refuses.</summary>
internal sealed record ApiEndpoint;

/// <summary>
/// Hosts before paths (G5): where an endpoint of the service does not exist for a request, routing goes on as if it had never been mapped, to the application's
/// own endpoints or to its own "not found". So nothing in an answer tells the two apart.
/// </summary>
internal sealed class ServiceEndpointPolicy(IServiceHosts hosts) : MatcherPolicy, IEndpointSelectorPolicy
{
    // Before ASP.NET Core's own policies by host (-100) and the others, which would answer 405 or 415 for an endpoint that is not there.
    public override int Order => -200;

    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) => endpoints.Any(endpoint => endpoint.Metadata.GetMetadata<ServiceEndpoint>() is not null);

    public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
    {
        for (var i = 0; i < candidates.Count; i++)
        {
            if (candidates.IsValidCandidate(i) && candidates[i].Endpoint.Metadata.GetMetadata<ServiceEndpoint>() is { } service
                && (!hosts.Contains(httpContext.Request.Host) || service.Exists?.Invoke(httpContext) == false))
            {
                candidates.SetValidity(i, false);
            }
        }

        return Task.CompletedTask;
    }
}
