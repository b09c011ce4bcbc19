using Duplexity.Server.Api;
using Duplexity.Server.Auth;
using Duplexity.Server.Channels;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Hubs;
using Duplexity.Server.Inboxes;
using Duplexity.Server.Pipes;
using Duplexity.Server.Pipes.Cooked;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;
using Duplexity.Server.Tunnels.Away;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Duplexity.Server;

/// <summary>The composition root: what a node is made of, from the engine up to the hubs and the public front.</summary>
public static class DuplexityServer
{
    /// <summary>
    /// Adds a Duplexity node to the application: its own two hubs, its own authentication scheme, its own options, and nothing else of the application's
    /// is changed but Kestrel's header encoding (Latin-1) and its <c>Server</c> header, which a faithful front needs for the whole server. Settings come from the section <c>Duplexity</c>; <paramref name="configure"/> wins over them.
    /// Called again, it adds that call's <paramref name="configure"/> and nothing else: an application has one node.
    /// </summary>
    public static IDuplexityBuilder AddDuplexity(this IServiceCollection services, Action<DuplexityOptions>? configure = null)
    {
        if (services.Any(s => s.ServiceType == typeof(DuplexityBuilder)))
        {
            services.Configure(configure ?? (_ => { }));
            return new DuplexityBuilder(services);
        }

        services.AddSingleton(new DuplexityBuilder(services));
        services.AddOptions<DuplexityOptions>().BindConfiguration(DuplexityOptions.Section).Configure(configure ?? (_ => { })).ValidateOnStart();
        services.TryAddSingleton(provider => provider.GetRequiredService<IOptions<DuplexityOptions>>().Value);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<Node>();

        services.AddDuplexityDiagnostics();
        services.AddDuplexityEngine();
        services.AddDuplexityCluster();
        services.AddDuplexityChannels();
        services.AddDuplexityPipes();
        services.AddDuplexitySockets();
        services.AddDuplexityAuth();
        services.AddDuplexityTunnels();
        services.TryAddSingleton<IVisitorIdentities, VisitorIdentities>(); // of both: who visitors are, for the gates of their pipes
        services.AddDuplexityMessagePipes();
        services.AddDuplexityHubs();
        services.AddDuplexityApi();
        services.AddDuplexityInProcess();
        return new DuplexityBuilder(services);
    }

    /// <summary>
    /// Maps the node's endpoints below <paramref name="prefix"/>: <c>/control</c>, <c>/data</c>, <c>/data/carry</c>, <c>/auth</c>, <c>/api</c>. They answer on the service's own
    /// hosts only; the hosts of public pipes are served before routing and never reach them.
    /// </summary>
    public static IEndpointConventionBuilder MapDuplexity(this IEndpointRouteBuilder routes, string prefix = "")
    {
        var group = routes.MapGroup(prefix);

        // First those of other projects: an embedded provider says here what the sign-in below then asks.
        var path = prefix.Trim('/') is { Length: > 0 } segments ? $"/{segments}" : "";
        var further = routes.ServiceProvider.GetServices<IDuplexityEndpoints>().Select(endpoints => endpoints.Map(group, path)).ToArray();
        return new EndpointGroup([.. further, group.MapDuplexityHubs().AddUpgradeForwarding().AddServiceGate(), group.MapDuplexityTunnels().AddUpgradeForwarding().AddServiceGate(), group.MapDuplexityAuth(), group.MapDuplexityApi()]);
    }

    private static void AddDuplexityDiagnostics(this IServiceCollection services)
    {
        services.AddMetrics();
        services.TryAddSingleton<Metrics>();
        services.AddHostedService<Gauges>();
    }

    private static void AddDuplexityInProcess(this IServiceCollection services)
    {
        services.TryAddSingleton<ApplicationActing>();
        services.TryAddSingleton<IDuplexityRooms, InProcessRooms>();
        services.TryAddSingleton<IDuplexityLockspaces, InProcessLockspaces>();
        services.TryAddSingleton<IDuplexityInboxes, InProcessInboxes>();
        services.TryAddSingleton<IDuplexityMessagePipes, InProcessMessagePipes>();
        services.TryAddSingleton<IDuplexity, InProcessDuplexity>();
    }

    private static void AddDuplexityChannels(this IServiceCollection services)
    {
        services.TryAddSingleton<ChannelIndex>();
        services.TryAddSingleton<InboxIndex>();
        services.AddHostedService(provider => provider.GetRequiredService<InboxIndex>());
        services.AddHostedService<EngineAttachment>();
        services.TryAddSingleton<Lockspaces>();
        services.AddHostedService(provider => provider.GetRequiredService<Lockspaces>());
        services.TryAddSingleton<Holdings>();
        services.TryAddSingleton<KeyTries>();
    }

    private static void AddDuplexityPipes(this IServiceCollection services)
    {
        services.AddSingleton<IBuiltInGate, IdentityGate>();
        services.AddSingleton<IBuiltInGate, SizeGate>();
        services.AddSingleton<IBuiltInGate, LimitGate>();
        services.AddSingleton<IBuiltInGate, HoldGate>();
        services.AddSingleton<IBuiltInGate, ScopeGate>();
        services.TryAddSingleton<AllowanceGate>();
        services.AddSingleton<IBuiltInGate>(provider => provider.GetRequiredService<AllowanceGate>());
        services.AddSingleton<IBuiltInGate, StandingGate>();
        services.AddSingleton<IBuiltInGate, RoomGate>();
        services.AddSingleton<IBuiltInGate, FenceGate>();
        services.AddSingleton<IBuiltInGate, NewChannelGate>();
        services.AddSingleton<IBuiltInGate, InboxGate>();
        services.TryAddSingleton<GateHttp>();
        services.TryAddSingleton<GateSettings>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DuplexityOptions>, GateOptionsCheck>());
        services.TryAddSingleton<ApplicationGates>();
        services.TryAddSingleton<MessageTraces>();
        services.TryAddSingleton<Announcer>();
        services.AddHostedService(provider => provider.GetRequiredService<ApplicationGates>());
        services.AddHostedService(provider => provider.GetRequiredService<Announcer>());
        services.TryAddSingleton<ListenerGates>();
        services.TryAddSingleton<Answers>();
        services.TryAddSingleton<Departures>();
        services.TryAddSingleton<AwaitedReplies>();
        services.TryAddSingleton<AwaitedReceipts>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DuplexityOptions>, RoomOptionsCheck>());
        services.TryAddSingleton<RoomPatterns>();
        services.TryAddSingleton<RoomBook>();
        services.AddHostedService(provider => provider.GetRequiredService<RoomBook>());
        services.TryAddSingleton<RoomRules>();
        services.Replace(ServiceDescriptor.Singleton<IRetention, RoomRetention>());
        services.TryAddSingleton<NewChannels>();
        services.TryAddSingleton<Egress>();
        services.TryAddSingleton<ListenerCounts>();
        services.TryAddSingleton<PipeMachine>();
    }

    private static void AddDuplexitySockets(this IServiceCollection services)
    {
        services.TryAddSingleton<SocketIndex>();
        services.TryAddSingleton<IDirectReach>(provider => provider.GetRequiredService<SocketIndex>());
        services.TryAddSingleton<Sessions>();
        services.AddSingleton<INodeLoad>(provider => provider.GetRequiredService<SocketIndex>());
        services.AddSingleton<INodeLoad>(provider => provider.GetRequiredService<Sessions>());
        services.TryAddSingleton<SessionEnds>();
        services.TryAddSingleton<IdentityHolders>();
        services.TryAddSingleton<IdentityChanges>();
        services.TryAddSingleton<Blocks>();
        services.TryAddSingleton<Standing>();
        services.AddHostedService(provider => provider.GetRequiredService<Standing>());
        services.TryAddSingleton<IClientStanding>(provider => provider.GetRequiredService<Standing>());
        services.TryAddSingleton<ClientStreams>();
        services.TryAddSingleton<ClientEnds>();
        services.TryAddSingleton<Revocations>();
        services.TryAddSingleton<Removals>();
        services.AddSingleton<IBelongings, InboxBelongings>();
        services.TryAddSingleton<SocketWatches>();
        services.TryAddSingleton<ClusterSockets>();
        services.TryAddSingleton<IFarReach, ClusterReach>();
        services.AddSingleton<INodeCall, ReachCall>();
        services.TryAddSingleton<ClusterPlacing>();
        services.AddSingleton<INodeCall, PlaceCall>();
        services.TryAddSingleton<ClusterWatches>();
        services.AddHostedService(provider => provider.GetRequiredService<ClusterWatches>());
        services.AddSingleton<INodeCall, SocketsCall>();
        services.AddSingleton<INodeCall, NarrowCall>();
        services.AddSingleton<INodeCall, WatchCall>();
        services.AddSingleton<INodeCall, SocketsChangedCall>();
        services.TryAddSingleton<JoinGates>();
        services.TryAddSingleton<SocketParts>();
        services.TryAddSingleton<RoomPresence>();
        services.AddHostedService(provider => provider.GetRequiredService<RoomPresence>());
        services.TryAddSingleton<Listening>();
        services.TryAddSingleton<ForcedDisconnects>();
        services.AddSingleton<ISystemListener>(provider => provider.GetRequiredService<Blocks>());
        services.AddSingleton<ISystemListener>(provider => provider.GetRequiredService<Revocations>());
        services.AddSingleton<ISystemListener>(provider => provider.GetRequiredService<ForcedDisconnects>());
        services.TryAddSingleton<RoomNews>();
        services.AddSingleton<ISystemListener>(provider => provider.GetRequiredService<RoomNews>());
        services.AddSingleton<ISystemListener>(provider => provider.GetRequiredService<Lockspaces>());
        services.AddHostedService<SystemListeners>();
        services.TryAddSingleton<EngineHealth>();
        services.TryAddSingleton<Membership>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IBelongings, LeftLockspaces>());
        services.TryAddSingleton<Locking>();
        services.AddHostedService(provider => provider.GetRequiredService<Locking>());
        services.AddHostedService<SocketSweep>();
    }

    private static void AddDuplexityMessagePipes(this IServiceCollection services)
    {
        services.TryAddSingleton<Knuckles>();
        services.TryAddSingleton<PipeStore>();
        services.TryAddSingleton<PipeCarrying>();
        services.TryAddSingleton<IPipeOwners, PipeOwners>();
        services.TryAddSingleton<PipeBook>();
        services.AddSingleton<ISystemListener>(provider => provider.GetRequiredService<PipeBook>());
        services.TryAddSingleton<BridgeReplies>();
        services.TryAddSingleton<Bridge>();
        services.TryAddSingleton<PipeRunners>();
        services.TryAddSingleton<MessagePipes>();
        services.AddSingleton<IBelongings, PipeBelongings>();
        services.AddHostedService(provider => provider.GetRequiredService<PipeRunners>());
    }

    private sealed class DuplexityBuilder(IServiceCollection services) : IDuplexityBuilder
    {
        public IServiceCollection Services { get; } = services;

        public IDuplexityBuilder AddGate<T>(Step step, string pattern, string? name = null)
            where T : class, IGate
        {
            Services.TryAddSingleton<T>();
            Services.AddSingleton(GateRegistration.Of(name ?? GateRegistration.NameOf(typeof(T)), step, pattern, provider => provider.GetRequiredService<T>()));
            return this;
        }

        public IDuplexityBuilder AddGate(Step step, string pattern, Func<GateContext, ValueTask<GateResult>> gate, string? name = null)
        {
            ArgumentNullException.ThrowIfNull(gate);
            Services.AddSingleton(GateRegistration.Of(name ?? "application", step, pattern, _ => new FunctionGate(gate)));
            return this;
        }
    }
}

/// <summary>Where applications and engines add to a node.</summary>
public interface IDuplexityBuilder
{
    /// <summary>The application's services.</summary>
    IServiceCollection Services { get; }

    /// <summary>
    /// Adds a gate, behind the node's own and those that were added before. One instance, from the services (a singleton, unless <typeparamref name="T"/> is registered already), serves the node.
    /// </summary>
    /// <typeparam name="T">The gate.</typeparam>
    /// <param name="step">Where it stands: ingress, entry or egress.</param>
    /// <param name="pattern">What it looks at: destinations at the entry, channels at the egress, such as <c>room:board-*</c>; senders at the ingress, such as <c>client:guest-*</c>. <c>*</c> stands for any run of characters.</param>
    /// <param name="name">What a refused sender is told; null: made of the type's name, <c>MembersOnlyGate</c> is <c>members-only</c>.</param>
    /// <exception cref="ArgumentException">No gate of an application stands at that step, or the pattern cannot be one.</exception>
    IDuplexityBuilder AddGate<T>(Step step, string pattern, string? name = null)
        where T : class, IGate;

    /// <summary>Adds a function as a gate; see the other overload.</summary>
    /// <param name="step">Where it stands: ingress, entry or egress.</param>
    /// <param name="pattern">What it looks at.</param>
    /// <param name="gate">Decides; see <see cref="IGate"/>.</param>
    /// <param name="name">What a refused sender is told; null: <c>application</c>.</param>
    /// <exception cref="ArgumentException">No gate of an application stands at that step, or the pattern cannot be one.</exception>
    IDuplexityBuilder AddGate(Step step, string pattern, Func<GateContext, ValueTask<GateResult>> gate, string? name = null);
}
