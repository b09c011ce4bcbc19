using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server;

/// <summary>The composition root: what a node is made of, in the order in which the parts depend on each other.</summary>
public static class DuplexityServer
{
    /// <summary>Adds a Duplexity node to the application: its own two hubs, its own authentication scheme, and nothing else of the application's is changed.</summary>
    public static IDuplexityBuilder AddDuplexity(this IServiceCollection services, Action<DuplexityOptions>? configure = null) => throw new NotImplementedException();

    /// <summary>Maps the node's endpoints below <paramref name="prefix"/>: <c>/control</c>, <c>/data</c>, <c>/data/carry</c>, <c>/auth</c>.</summary>
    public static IEndpointConventionBuilder MapDuplexity(this IEndpointRouteBuilder routes, string prefix = "") => throw new NotImplementedException();
}

/// <summary>Where applications and engines add to a node.</summary>
public interface IDuplexityBuilder
{
    /// <summary>The application's services.</summary>
    IServiceCollection Services { get; }
}
