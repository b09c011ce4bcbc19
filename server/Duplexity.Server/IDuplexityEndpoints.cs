using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Duplexity.Server;

/// <summary>Endpoints of another project that are part of the service: they lie below the node's prefix and behind its gate, on its own hosts only.</summary>
internal interface IDuplexityEndpoints
{
    /// <summary>Maps them; before the node's own, once for each <c>MapDuplexity</c>.</summary>
    /// <param name="routes">The group of the node's endpoints.</param>
    /// <param name="prefix">The group's prefix, without a slash at its end.</param>
    IEndpointConventionBuilder Map(IEndpointRouteBuilder routes, string prefix);
}
