using Duplexity.Protocol;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
namespace Duplexity.Server.Tunnels
{
    internal sealed class PublicPipes {
        public Task<PipesResponse> RegisterAsync(Session session, IReadOnlyList<PipeRegistration> pipes, CancellationToken ct) => throw new NotImplementedException();
        public Task RemoveAsync(Session session, IReadOnlyList<string>? names, CancellationToken ct) => throw new NotImplementedException();
        public Task<IReadOnlyList<PipeInfo>> ListAsync(string client, CancellationToken ct) => throw new NotImplementedException();
    }
    internal static class TunnelServices {
        public static IServiceCollection AddDuplexityTunnels(this IServiceCollection s) { s.AddSingleton<PublicPipes>(); return s; }
        public static IEndpointConventionBuilder MapDuplexityTunnels(this IEndpointRouteBuilder r) => new EndpointGroup([]);
    }
}
