using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Cluster;

/// <summary>What makes a node one among others. The listener is there before anybody is told where it is.</summary>
internal static class ClusterServices
{
    public static IServiceCollection AddDuplexityCluster(this IServiceCollection services)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DuplexityOptions>, NodeRolesCheck>());
        services.TryAddSingleton<INodeLedger, EngineLedger>();
        services.AddSingleton<INodeCall, HelloCall>();
        services.AddSingleton<INodeCall, NameCall>();
        return services.AddNodes();
    }

    /// <summary>What makes a front one among nodes.</summary>
    public static IServiceCollection AddDuplexityFrontCluster(this IServiceCollection services)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DuplexityOptions>, FrontCheck>());
        services.TryAddSingleton<FrontLedger>();
        services.TryAddSingleton<INodeLedger>(provider => provider.GetRequiredService<FrontLedger>());
        services.TryAddSingleton<FrontHealth>();
        return services.AddNodes();
    }

    private static IServiceCollection AddNodes(this IServiceCollection services)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DuplexityOptions>, ClusterCheck>());
        services.TryAddSingleton<NodeSignature>();
        services.TryAddSingleton<NodeCalls>();
        services.TryAddSingleton<NodeBook>();
        services.TryAddSingleton<NodePipeline>();
        services.AddSingleton<IStartupFilter>(provider => provider.GetRequiredService<NodePipeline>());
        services.AddHostedService<NodeListener>();
        services.AddHostedService(provider => provider.GetRequiredService<NodeBook>());
        return services;
    }
}
