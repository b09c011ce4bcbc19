using Duplexity.Server.Cluster;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Names;

/// <summary>What knows whose names are, as services.</summary>
internal static class NameServices
{
    public static IServiceCollection AddDuplexityNames(this IServiceCollection services)
    {
        services.AddSingleton<NameBook>();
        services.AddHostedService(provider => provider.GetRequiredService<NameBook>());
        services.AddSingleton<ISystemListener>(provider => provider.GetRequiredService<NameBook>());
        services.AddSingleton<NameClaims>();
        services.AddSingleton<Reservations>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IBelongings, Reservations>(provider => provider.GetRequiredService<Reservations>()));
        services.AddSingleton<ProofKey>();
        services.AddSingleton<DomainDns>();
        services.AddSingleton<DomainProofs>();
        services.AddSingleton<DomainWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<DomainWatch>());
        services.AddSingleton<KnownHosts>();
        services.AddSingleton<INodeCall, RegisterCall>();
        services.AddSingleton<INodeCall, RemoveCall>();
        services.AddSingleton<IValidateOptions<DuplexityOptions>, DomainOptionsCheck>();
        return services;
    }
}
