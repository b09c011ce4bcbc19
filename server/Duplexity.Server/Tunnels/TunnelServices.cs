using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Away;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>The parts of public pipes, for the composition root. Needs the engine's registry and the sessions.</summary>
internal static class TunnelServices
{
    public static IServiceCollection AddDuplexityTunnels(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<Node>();
        services.AddMetrics().TryAddSingleton<Metrics>();
        services.AddSingleton<BackendRegistry>();
        services.AddSingleton<PipeUrl>();
        services.AddSingleton<PipeNames>();
        services.AddSingleton<PipePorts>();
        services.AddSingleton<PublicPipes>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IBelongings, LeftPipes>());
        services.AddSingleton<PipeTallies>();
        services.AddSingleton<PipeWatches>();
        services.AddSingleton<ClosedPipes>();

        services.AddSingleton<QueueUse>();
        services.AddSingleton<QueueStore>();
        services.AddSingleton<QueueBell>();
        services.AddSingleton<Bodies>();
        services.AddSingleton<Keeping>();
        services.AddSingleton<Replaying>();
        services.AddSingleton<QueueRunnerParts>();
        services.AddSingleton<QueueRunners>();
        services.AddHostedService(provider => provider.GetRequiredService<QueueRunners>());
        services.AddSingleton<QueueDesk>();
        services.AddSingleton<IBelongings>(provider => provider.GetRequiredService<QueueDesk>());

        services.AddSingleton<UpgradeForwarding>();
        services.AddSingleton<ForwardedUpgrades>();
        services.AddSingleton<INodeLoad>(provider => provider.GetRequiredService<ForwardedUpgrades>());
        services.AddSingleton<CarryDesk>();
        services.AddSingleton<INodeCall, CarryCall>();
        services.AddSingleton<INodeCall, ConfirmCall>();
        services.AddSingleton<INodeCall, ExchangesCall>();
        services.AddSingleton<PipeNews>();
        services.AddSingleton<ISystemListener>(provider => provider.GetRequiredService<PipeNews>());
        services.AddHostedService<CarrierConfirmations>();
        services.AddSingleton<CarryEndpoint>();
        services.AddSingleton<CarrierPools>();
        services.AddSingleton<ExchangeFeed>();

        services.TryAddSingleton<PeerAddresses>();
        services.AddSingleton<VisitorHeaders>();
        services.AddSingleton<Forwarder>();
        services.AddSingleton<Visitors>();
        services.AddSingleton<INodeLoad>(provider => provider.GetRequiredService<Visitors>());
        services.AddSingleton<HttpFront>();
        services.AddSingleton<TcpFront>();
        services.AddHostedService<TunnelLifetime>();

        services.AddSingleton<IStartupFilter, HostRouting>();
        services.AddSingleton<IConfigureOptions<KestrelServerOptions>>(new ConfigureOptions<KestrelServerOptions>(FaithfulFront.Configure));
        services.AddSingleton<IValidateOptions<DuplexityOptions>, PipeDomainCheck>();
        services.AddOptions<DuplexityOptions>().ValidateOnStart();
        return services;
    }

    /// <summary>Maps <c>data/carry</c>, with WebSockets switched on for it alone: the application needs no middleware of its own.</summary>
    public static IEndpointConventionBuilder MapDuplexityTunnels(this IEndpointRouteBuilder routes)
    {
        var branch = routes.CreateApplicationBuilder();
        branch.UseWebSockets();
        branch.Run(context => context.RequestServices.GetRequiredService<CarryEndpoint>().HandleAsync(context));
        return routes.Map("data/carry", branch.Build()).WithDisplayName("Duplexity carriers").WithMetadata(new NeedsEngine());
    }
}
