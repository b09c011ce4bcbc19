using Duplexity.Protocol;
using Microsoft.AspNetCore.SignalR.Client;

namespace Duplexity.Links;

/// <summary>The control hub as its interface: each method is one invocation of that name.</summary>
internal sealed class ControlHubProxy(HubConnection connection) : IControlHub
{
    public Task<DiscoveryResponse> Discover(DiscoveryRequest request) => connection.InvokeAsync<DiscoveryResponse>(nameof(IControlHub.Discover), request);

    public Task<PipesResponse> RegisterPipes(RegisterPipesRequest request) => connection.InvokeAsync<PipesResponse>(nameof(IControlHub.RegisterPipes), request);

    public Task<Done> RemovePipes(RemovePipesRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.RemovePipes), request);

    public Task<ListPipesResponse> ListPipes(ListPipesRequest request) => connection.InvokeAsync<ListPipesResponse>(nameof(IControlHub.ListPipes), request);

    public Task<ListSocketsResponse> ListSockets(ListSocketsRequest request) => connection.InvokeAsync<ListSocketsResponse>(nameof(IControlHub.ListSockets), request);

    public Task<Done> Disconnect(DisconnectRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.Disconnect), request);

    public Task<ForceDisconnectResponse> ForceDisconnect(ForceDisconnectRequest request) =>
        connection.InvokeAsync<ForceDisconnectResponse>(nameof(IControlHub.ForceDisconnect), request);

    /// <summary>Hands the hub's events to <paramref name="client"/>, one at a time and in order.</summary>
    public static void Register(HubConnection connection, IControlClient client)
    {
        connection.On<WelcomeEvent>(nameof(IControlClient.Welcome), client.Welcome);
        connection.On<PipesResponse>(nameof(IControlClient.PipesAreRegistered), client.PipesAreRegistered);
        connection.On<CarryOrder>(nameof(IControlClient.Carry), client.Carry);
        connection.On<ExchangesEvent>(nameof(IControlClient.Exchanges), client.Exchanges);
        connection.On<DisconnectedEvent>(nameof(IControlClient.Disconnected), client.Disconnected);
    }
}
