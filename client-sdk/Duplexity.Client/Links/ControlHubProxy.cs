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

    public Task<IdentityResponse> Authenticate(AuthenticateRequest request) => connection.InvokeAsync<IdentityResponse>(nameof(IControlHub.Authenticate), request);

    public Task<IdentityResponse> Refresh(RefreshRequest request) => connection.InvokeAsync<IdentityResponse>(nameof(IControlHub.Refresh), request);

    public Task<Done> Drop(DropRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.Drop), request);

    public Task<ListSocketsResponse> WatchSockets(WatchSocketsRequest request) => connection.InvokeAsync<ListSocketsResponse>(nameof(IControlHub.WatchSockets), request);

    public Task<ListPipesResponse> WatchPipes(WatchPipesRequest request) => connection.InvokeAsync<ListPipesResponse>(nameof(IControlHub.WatchPipes), request);

    public Task<Done> ClosePipe(ClosePipeRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.ClosePipe), request);

    public Task<NamesResponse> ReserveName(ReserveNameRequest request) => connection.InvokeAsync<NamesResponse>(nameof(IControlHub.ReserveName), request);

    public Task<Done> ReleaseName(ReleaseNameRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.ReleaseName), request);

    public Task<NamesResponse> ListNames(ListNamesRequest request) => connection.InvokeAsync<NamesResponse>(nameof(IControlHub.ListNames), request);

    public Task<CreateLinkResponse> CreateLink(CreateLinkRequest request) => connection.InvokeAsync<CreateLinkResponse>(nameof(IControlHub.CreateLink), request);

    public Task<GrantVisitResponse> GrantVisit(GrantVisitRequest request) => connection.InvokeAsync<GrantVisitResponse>(nameof(IControlHub.GrantVisit), request);

    public Task<ListVisitGrantsResponse> ListVisitGrants(ListVisitGrantsRequest request) => connection.InvokeAsync<ListVisitGrantsResponse>(nameof(IControlHub.ListVisitGrants), request);

    public Task<WithdrawVisitResponse> WithdrawVisit(WithdrawVisitRequest request) => connection.InvokeAsync<WithdrawVisitResponse>(nameof(IControlHub.WithdrawVisit), request);

    public Task<ListExchangesResponse> ListExchanges(ListExchangesRequest request) => connection.InvokeAsync<ListExchangesResponse>(nameof(IControlHub.ListExchanges), request);

    public Task<ListExchangesResponse> WatchExchanges(WatchExchangesRequest request) => connection.InvokeAsync<ListExchangesResponse>(nameof(IControlHub.WatchExchanges), request);

    public Task<ReadExchangeResponse> ReadExchange(ReadExchangeRequest request) => connection.InvokeAsync<ReadExchangeResponse>(nameof(IControlHub.ReadExchange), request);

    public Task<ReplayExchangeResponse> ReplayExchange(ReplayExchangeRequest request) => connection.InvokeAsync<ReplayExchangeResponse>(nameof(IControlHub.ReplayExchange), request);

    public Task<LimitSocketResponse> LimitSocket(LimitSocketRequest request) => connection.InvokeAsync<LimitSocketResponse>(nameof(IControlHub.LimitSocket), request);

    public Task<ExplainResponse> Explain(ExplainRequest request) => connection.InvokeAsync<ExplainResponse>(nameof(IControlHub.Explain), request);

    public Task<TraceResponse> Trace(TraceRequest request) => connection.InvokeAsync<TraceResponse>(nameof(IControlHub.Trace), request);

    public Task<RevokeResponse> Revoke(RevokeRequest request) => connection.InvokeAsync<RevokeResponse>(nameof(IControlHub.Revoke), request);

    public Task<RevokeResponse> Disable(DisableRequest request) => connection.InvokeAsync<RevokeResponse>(nameof(IControlHub.Disable), request);

    public Task<Done> CreateLockspace(CreateLockspaceRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.CreateLockspace), request);

    public Task<Done> RemoveLockspace(RemoveLockspaceRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.RemoveLockspace), request);

    public Task<HeldResponse> Admit(AdmitRequest request) => connection.InvokeAsync<HeldResponse>(nameof(IControlHub.Admit), request);

    public Task<HeldResponse> Release(ReleaseRequest request) => connection.InvokeAsync<HeldResponse>(nameof(IControlHub.Release), request);

    public Task<HeldResponse> ReleaseTo(ReleaseToRequest request) => connection.InvokeAsync<HeldResponse>(nameof(IControlHub.ReleaseTo), request);

    public Task<HeldResponse> MoveTo(MoveToRequest request) => connection.InvokeAsync<HeldResponse>(nameof(IControlHub.MoveTo), request);

    public Task<Done> BreakLock(BreakLockRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.BreakLock), request);

    public Task<RevokeResponse> RemoveClient(RemoveClientRequest request) => connection.InvokeAsync<RevokeResponse>(nameof(IControlHub.RemoveClient), request);

    public Task<MessagePipesResponse> SetMessagePipes(SetMessagePipesRequest request) => connection.InvokeAsync<MessagePipesResponse>(nameof(IControlHub.SetMessagePipes), request);

    public Task<MessagePipesResponse> ListMessagePipes(ListMessagePipesRequest request) => connection.InvokeAsync<MessagePipesResponse>(nameof(IControlHub.ListMessagePipes), request);

    public Task<Done> RemoveMessagePipes(RemoveMessagePipesRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.RemoveMessagePipes), request);

    public Task<ListQueuesResponse> ListQueues(ListQueuesRequest request) => connection.InvokeAsync<ListQueuesResponse>(nameof(IControlHub.ListQueues), request);

    public Task<ReadQueueResponse> ReadQueue(ReadQueueRequest request) => connection.InvokeAsync<ReadQueueResponse>(nameof(IControlHub.ReadQueue), request);

    public Task<Done> ReplayQueued(ReplayQueuedRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.ReplayQueued), request);

    public Task<Done> DiscardQueued(DiscardQueuedRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.DiscardQueued), request);

    public Task<Done> RemoveQueue(RemoveQueueRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.RemoveQueue), request);

    public Task<RoomResponse> CreateRoom(CreateRoomRequest request) => connection.InvokeAsync<RoomResponse>(nameof(IControlHub.CreateRoom), request);

    public Task<RoomResponse> ChangeRoom(ChangeRoomRequest request) => connection.InvokeAsync<RoomResponse>(nameof(IControlHub.ChangeRoom), request);

    public Task<Done> RemoveRoom(RemoveRoomRequest request) => connection.InvokeAsync<Done>(nameof(IControlHub.RemoveRoom), request);

    public Task<ListRoomsResponse> ListRooms(ListRoomsRequest request) => connection.InvokeAsync<ListRoomsResponse>(nameof(IControlHub.ListRooms), request);

    public Task<SetFeedResponse> SetFeed(SetFeedRequest request) => connection.InvokeAsync<SetFeedResponse>(nameof(IControlHub.SetFeed), request);

    /// <summary>Hands the hub's events to <paramref name="client"/>, one at a time and in order.</summary>
    public static void Register(HubConnection connection, IControlClient client)
    {
        connection.On<WelcomeEvent>(nameof(IControlClient.Welcome), client.Welcome);
        connection.On<PipesResponse>(nameof(IControlClient.PipesAreRegistered), client.PipesAreRegistered);
        connection.On<CarryOrder>(nameof(IControlClient.Carry), client.Carry);
        connection.On<ExchangesEvent>(nameof(IControlClient.Exchanges), client.Exchanges);
        connection.On<ExchangesKeptEvent>(nameof(IControlClient.ExchangesKept), client.ExchangesKept);
        connection.On<SocketsChangedEvent>(nameof(IControlClient.SocketsChanged), client.SocketsChanged);
        connection.On<PipesChangedEvent>(nameof(IControlClient.PipesChanged), client.PipesChanged);
        connection.On<PipeClosedEvent>(nameof(IControlClient.PipeClosed), client.PipeClosed);
        connection.On<IdentitiesChangedEvent>(nameof(IControlClient.IdentitiesChanged), client.IdentitiesChanged);
        connection.On<ReauthenticateSoonEvent>(nameof(IControlClient.ReauthenticateSoon), client.ReauthenticateSoon);
        connection.On<DrainingEvent>(nameof(IControlClient.Draining), client.Draining);
        connection.On<DisconnectedEvent>(nameof(IControlClient.Disconnected), client.Disconnected);
    }
}
