using Duplexity.Server.Auth;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.OpenId;

/// <summary><c>/openid</c>: the provider, for browsers and other programs, and its users, for administrators.</summary>
internal sealed class OpenIdEndpoints(Provider provider, UserEndpoints users, IOptions<DuplexityOptions> options) : IDuplexityEndpoints
{
    public IEndpointConventionBuilder Map(IEndpointRouteBuilder routes, string prefix)
    {
        // The provider's name for itself is its address, of which the prefix is known only now; what asks it is made after this.
        options.Value.Auth.Oidc.Authority = OwnClient.Issuer(options.Value, prefix);
        var group = routes.MapGroup(OwnClient.Path);
        users.Map(group);
        group.Map("/{**path}", provider.RunAsync).AddServiceGate(requireIdentity: false);
        return group;
    }
}
