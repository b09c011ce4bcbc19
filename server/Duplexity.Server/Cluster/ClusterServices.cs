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
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DuplexityOptions>, ClusterCheck>());
        services.TryAddSingleton<NodeSignature>();
        services.TryAddSingleton<NodeCalls>();
        services.TryAddSingleton<NodeBook>();
        services.TryAddSingleton<NodePipeline>();
        services.AddSingleton<IStartupFilter>(provider => provider.GetRequiredService<NodePipeline>());
        services.AddSingleton<INodeCall, HelloCall>();
        services.AddHostedService<NodeListener>();
        services.AddHostedService(provider => provider.GetRequiredService<NodeBook>());
        return services;
    }
}
