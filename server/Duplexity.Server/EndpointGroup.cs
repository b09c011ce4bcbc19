using Microsoft.AspNetCore.Builder;

namespace Duplexity.Server;

/// <summary>Several endpoints that take conventions as one.</summary>
internal sealed class EndpointGroup(IReadOnlyCollection<IEndpointConventionBuilder> endpoints) : IEndpointConventionBuilder
{
    public void Add(Action<EndpointBuilder> convention)
    {
        foreach (var endpoint in endpoints)
        {
            endpoint.Add(convention);
        }
    }

    public void Finally(Action<EndpointBuilder> finallyConvention)
    {
        foreach (var endpoint in endpoints)
        {
            endpoint.Finally(finallyConvention);
        }
    }
}
