using Duplexity.Server.Cluster;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>The parts of visitor gates, for <see cref="TunnelServices"/>.</summary>
internal static class GateServices
{
    public static void AddVisitorGates(this IServiceCollection services)
    {
        services.AddSingleton<Passwords>();
        services.AddSingleton<VisitGrants>();
        services.AddHostedService(provider => provider.GetRequiredService<VisitGrants>());
        services.AddSingleton<ISystemListener>(provider => provider.GetRequiredService<VisitGrants>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IBelongings, VisitGrants>(provider => provider.GetRequiredService<VisitGrants>()));
        services.AddSingleton<VisitorRules>();
        services.AddSingleton<VisitorLinks>();
        services.AddSingleton<VisitorDoor>();
        services.AddSingleton<VisitorGates>();
        services.AddVisitorCounts();
        services.AddSingleton<IVisitorEntrance, VisitorEntrance>();
        services.AddSingleton<IValidateOptions<DuplexityOptions>, VisitorOptionsCheck>();
    }

    /// <summary>The same at a front, which can ask nobody who a visitor is.</summary>
    public static void AddFrontEntrance(this IServiceCollection services)
    {
        services.AddVisitorCounts();
        services.AddSingleton<IVisitorEntrance, FrontEntrance>();
    }

    private static void AddVisitorCounts(this IServiceCollection services)
    {
        services.AddSingleton<VisitorCounts>();
        services.AddSingleton<VisitorAllotments>();
        services.AddSingleton<VisitorAdmission>();
        services.AddSingleton<LiveVisits>();
        services.AddHostedService(provider => provider.GetRequiredService<LiveVisits>());
    }
}
