using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Hubs;

/// <summary>The two hubs, closed over their own types so that no other hub of the application is touched: lifetime managers, protocols, options, filter.</summary>
internal static class HubServices
{
    public static IServiceCollection AddDuplexityHubs(this IServiceCollection services)
    {
        var signalr = services.AddSignalR();
        services.TryAddSingleton<HubProtocols>();
        services.TryAddSingleton<GateFilter>();
        services.TryAddSingleton<Opening>();
        services.AddSingleton<INodeCall, OpenCall>();
        services.TryAddSingleton<IdentityCalls>();
        services.TryAddSingleton<ChallengeCalls>();
        services.TryAddSingleton<Administration>();
        services.TryAddSingleton<Explaining>();
        services.TryAddSingleton<LockspaceCalls>();
        services.TryAddSingleton<Watching>();
        services.TryAddSingleton<ControlPlaces>();
        services.TryAddSingleton<MessagePipeCalls>();
        services.TryAddSingleton<VisitCalls>();
        services.TryAddSingleton<Tracing>();
        services.TryAddSingleton<RoomCalls>();
        services.TryAddSingleton<NameCalls>();
        services.TryAddSingleton<ExchangeCalls>();
        services.TryAddSingleton<Draining>();
        services.AddSingleton<INodeCall, DrainCall>();
        services.AddSingleton<INodeCall, LeaveCall>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IBelongings, LeftRooms>());
        services.AddSingleton<HubLifetimeManager<ControlHub>, DefaultHubLifetimeManager<ControlHub>>();
        services.AddSingleton<HubLifetimeManager<DataHub>, DataHubLifetimeManager>();
        AddHub<ControlHub>(signalr, (options, _) => options.MaximumParallelInvocationsPerClient = 1);
        AddHub<DataHub>(signalr, (options, duplexity) => options.MaximumParallelInvocationsPerClient = duplexity.Limits.InvocationsPerSocket);
        return services;
    }

    public static IEndpointConventionBuilder MapDuplexityHubs(this IEndpointRouteBuilder routes)
    {
        var times = routes.ServiceProvider.GetRequiredService<IOptions<DuplexityOptions>>().Value.Times;
        var endpoints = new List<IEndpointConventionBuilder>
        {
            routes.MapHub<ControlHub>("/control", o => Configure(o, times)),
            routes.MapHub<DataHub>("/data", o => Configure(o, times)),
        };
        return new EndpointGroup(endpoints).WithMetadata(new NeedsEngine(), new ClosedWhileDraining());
    }

    private static void AddHub<THub>(ISignalRServerBuilder signalr, Action<HubOptions<THub>, DuplexityOptions> configure)
        where THub : Hub
    {
        signalr.Services.AddSingleton(provider => ActivatorUtilities.CreateInstance<HubConnectionHandler<THub>>(provider, provider.GetRequiredService<HubProtocols>()));

        // Without AddHubOptions SignalR takes the application's global hub options for our hubs, whatever is set below.
        signalr.AddHubOptions<THub>(_ => { }).Services.AddOptions<HubOptions<THub>>().Configure<IOptions<DuplexityOptions>, GateFilter>((options, duplexity, gate) =>
        {
            options.SupportedProtocols = ["json", "messagepack"];
            options.KeepAliveInterval = duplexity.Value.Times.KeepAlive;
            options.ClientTimeoutInterval = duplexity.Value.Times.ClientTimeout;
            options.HandshakeTimeout = duplexity.Value.Times.Handshake;
            options.MaximumReceiveMessageSize = Wire.MaxMessageBytes;
            options.EnableDetailedErrors = false;
            options.StatefulReconnectBufferSize = 0;
            options.AddFilter(gate);
            configure(options, duplexity.Value);
        });
    }

    private static void Configure(HttpConnectionDispatcherOptions options, TimeOptions times)
    {
        // WebSockets without negotiation need no sticky sessions; version 1 keeps the connection id from being an attach token (G14).
        options.Transports = HttpTransportType.WebSockets;
        options.MinimumProtocolVersion = 1;

        // The queue's own age bound closes a slow socket with a reason; SignalR's only catches what that does not see.
        options.TransportSendTimeout = times.SocketQueueAge * 3;
        options.WebSockets.CloseTimeout = times.LastWord;
    }
}
