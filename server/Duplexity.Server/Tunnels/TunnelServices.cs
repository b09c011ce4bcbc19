using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Away;
using Duplexity.Server.Tunnels.Gates;
using Duplexity.Server.Tunnels.Inspection;
using Duplexity.Server.Tunnels.Names;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
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
        services.AddSingleton(Registry);
        services.AddSingleton<PublicPipes>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IBelongings, LeftPipes>());
        services.AddSingleton<PipeWatches>();
        services.AddSingleton<ClosedPipes>();
        services.AddDuplexityNames();

        services.AddSingleton<UpgradeForwarding>();
        services.AddSingleton<ForwardedUpgrades>();
        services.AddSingleton<INodeLoad>(provider => provider.GetRequiredService<ForwardedUpgrades>());
        services.AddSingleton<INodeCall, CarryCall>();
        services.AddSingleton<INodeCall, ConfirmCall>();
        services.AddSingleton<INodeCall, ExchangesCall>();
        services.AddSingleton<INodeCall, LocateCall>();
        services.AddSingleton<INodeCall, FrontCall>();
        services.AddSingleton<FrontNews>();
        services.AddSingleton<PipeNews>();
        services.AddSingleton<ISystemListener>(provider => provider.GetRequiredService<PipeNews>());
        services.AddVisitorGates();
        services.AddDuplexityInspection();
        services.TryAddSingleton<ClientEnds>();
        services.TryAddSingleton<ClientStreams>();
        services.AddSingleton<DialEndpoint>();
        services.AddKeeping();
        return services.AddVisitors();
    }

    /// <summary>The same for a front, which asks nodes where pipes are.</summary>
    public static IServiceCollection AddDuplexityFrontTunnels(this IServiceCollection services)
    {
        services.AddSingleton<AskedRegistry>();
        services.AddSingleton(provider => new BackendRegistry(provider.GetRequiredService<AskedRegistry>(), isShared: true, provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton<Sessions>(); // none: all clients are elsewhere
        services.AddSingleton<FrontPorts>();
        services.AddHostedService(provider => provider.GetRequiredService<FrontPorts>());
        services.AddSingleton<FrontCarry>();
        services.AddSingleton<FrontDraining>();
        services.AddSingleton<INodeCall, OverCall>();
        services.AddSingleton<INodeCall, FrontLeaveCall>();
        services.AddFrontEntrance();
        services.AddFrontKeeping();
        return services.AddVisitors();
    }

    /// <summary>What serves visitors, and the carriers that serve them.</summary>
    private static IServiceCollection AddVisitors(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<Node>();
        services.AddMetrics().TryAddSingleton<Metrics>();
        services.AddSingleton<PipeUrl>();
        services.AddSingleton<PipeNames>();
        services.AddSingleton<PipePorts>();
        services.AddSingleton<PipeTallies>();
        services.AddSingleton<CarryDesk>();
        services.AddHostedService<CarrierConfirmations>();
        services.AddHostedService<HealthChecks>();
        services.AddSingleton<CarryEndpoint>();
        services.AddSingleton<Choice>();
        services.AddSingleton<CarrierPools>();
        services.AddSingleton<PipeChanges>();
        services.AddSingleton<ExchangeFeed>();

        services.TryAddSingleton<PeerAddresses>();
        services.AddSingleton<VisitorHeaders>();
        services.AddSingleton<Forwarder>();
        services.AddSingleton<Visitors>();
        services.AddSingleton<INodeLoad>(provider => provider.GetRequiredService<Visitors>());
        services.AddSingleton<HttpFront>();
        services.AddSingleton<TcpFront>();
        services.AddHostedService<TlsFront>();
        services.AddHostedService<TunnelLifetime>();

        services.AddSingleton<IStartupFilter, HostRouting>();
        services.AddSingleton<IConfigureOptions<KestrelServerOptions>>(new ConfigureOptions<KestrelServerOptions>(FaithfulFront.Configure));
        services.AddSingleton<IValidateOptions<DuplexityOptions>, PipeDomainCheck>();
        services.AddOptions<DuplexityOptions>().ValidateOnStart();
        return services;
    }

    /// <summary>Maps <c>data/carry</c> and <c>data/dial</c>, with WebSockets switched on for them alone: the application needs no middleware of its own.</summary>
    public static IEndpointConventionBuilder MapDuplexityTunnels(this IEndpointRouteBuilder routes)
    {
        var tunnels = routes.MapGroup("data").WithMetadata(new NeedsEngine());
        tunnels.MapStreams("carry", "Duplexity carriers", context => context.RequestServices.GetRequiredService<CarryEndpoint>().HandleAsync(context));
        tunnels.MapStreams("dial", "Duplexity dials", context => context.RequestServices.GetRequiredService<DialEndpoint>().HandleAsync(context)).WithMetadata(new ClosedWhileDraining());
        return tunnels;
    }

    /// <summary>The same at a front, where nobody dials.</summary>
    public static IEndpointConventionBuilder MapDuplexityFrontTunnels(this IEndpointRouteBuilder routes) =>
        routes.MapStreams("data/carry", "Duplexity carriers", context => context.RequestServices.GetRequiredService<FrontCarry>().HandleAsync(context));

    private static IEndpointConventionBuilder MapStreams(this IEndpointRouteBuilder routes, string path, string name, RequestDelegate handle)
    {
        var branch = routes.CreateApplicationBuilder();
        branch.UseWebSockets();
        branch.Run(handle);
        return routes.Map(path, branch.Build()).WithDisplayName(name);
    }

    private static BackendRegistry Registry(IServiceProvider services)
    {
        var engine = services.GetRequiredService<IEngine>();
        return new(engine.Registry, engine.Lease is not null, services.GetRequiredService<TimeProvider>());
    }
}
