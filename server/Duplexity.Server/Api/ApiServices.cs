using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Duplexity.Server.Api;

/// <summary>The HTTP API, as services and endpoints.</summary>
internal static class ApiServices
{
    public static IServiceCollection AddDuplexityApi(this IServiceCollection services)
    {
        services.TryAddSingleton<ApiClients>();
        services.TryAddSingleton<Publishing>();
        services.TryAddSingleton<Reading>();
        services.TryAddSingleton<Steering>();
        services.TryAddSingleton<Placing>();
        services.TryAddSingleton<RoomRoutes>();
        services.TryAddSingleton<NameRoutes>();
        services.TryAddSingleton<LockspaceRoutes>();
        services.TryAddSingleton<InboxRoutes>();
        services.TryAddSingleton<MessagePipeRoutes>();
        services.TryAddSingleton<QueueRoutes>();
        services.TryAddSingleton<NodeRoutes>();
        services.TryAddSingleton<ExchangeRoutes>();
        services.TryAddSingleton<ApiRoutes>();
        services.TryAddSingleton<ApiDescription>();
        services.TryAddSingleton<ApiEndpoints>();
        return services;
    }

    public static IEndpointConventionBuilder MapDuplexityApi(this IEndpointRouteBuilder routes) => routes.ServiceProvider.GetRequiredService<ApiEndpoints>().Map(routes);
}
