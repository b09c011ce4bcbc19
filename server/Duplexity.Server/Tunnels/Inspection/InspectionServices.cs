using Duplexity.Server.Cluster;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>The parts of the inspector.</summary>
internal static class InspectionServices
{
    public static IServiceCollection AddDuplexityInspection(this IServiceCollection services)
    {
        services.AddSingleton<ExchangeRoom>();
        services.AddSingleton<ExchangeStore>();
        services.AddSingleton<Inspector>();
        services.AddHostedService(provider => provider.GetRequiredService<Inspector>());
        services.AddSingleton<ExchangeReplayer>();
        services.AddSingleton<ExchangeReach>();
        services.AddSingleton<ExchangeWatches>();
        services.AddSingleton<INodeCall, ExchangePageCall>();
        services.AddSingleton<INodeCall, ReadExchangeCall>();
        services.AddSingleton<INodeCall, ReplayExchangeCall>();
        return services;
    }
}
