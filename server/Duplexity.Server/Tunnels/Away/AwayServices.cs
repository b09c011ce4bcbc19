using Duplexity.Server.Sockets;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>The parts of queues and of pipes into channels, for <see cref="TunnelServices"/>.</summary>
internal static class AwayServices
{
    public static void AddKeeping(this IServiceCollection services)
    {
        services.AddSingleton<QueueUse>();
        services.AddSingleton<QueuelessNames>();
        services.AddSingleton<QueueStore>();
        services.AddSingleton<QueueBell>();
        services.AddSingleton<Bodies>();
        services.AddSingleton<IKeeping, Keeping>();
        services.AddSingleton<QueueReplayer>();
        services.AddSingleton<QueueRunnerParts>();
        services.AddSingleton<QueueRunners>();
        services.AddHostedService(provider => provider.GetRequiredService<QueueRunners>());
        services.AddSingleton<QueueNames>();
        services.AddSingleton<QueueDesk>();
        services.AddSingleton<IBelongings>(provider => provider.GetRequiredService<QueueDesk>());
    }

    /// <summary>The same at a front, which keeps nothing.</summary>
    public static void AddFrontKeeping(this IServiceCollection services) => services.AddSingleton<IKeeping, FrontKeeping>();
}
