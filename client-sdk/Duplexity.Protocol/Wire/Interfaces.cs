namespace Duplexity.Protocol;

/// <summary>Client to server on <c>/control</c>: who may do what. One invocation at a time, in order.</summary>
public interface IControlHub
{
    /// <summary>First call of every control connection, within 5 s; again: the same answer with a fresh ticket.</summary>
    Task<DiscoveryResponse> Discover(DiscoveryRequest request);

    /// <summary>Adds the client of a further token to this connection.</summary>
    Task<IdentityResponse> Authenticate(AuthenticateRequest request);

    /// <summary>Renews a client of this connection.</summary>
    Task<IdentityResponse> Refresh(RefreshRequest request);

    /// <summary>Takes a client off this connection.</summary>
    Task<Done> Drop(DropRequest request);

    /// <summary>Registers further pipes, all or none.</summary>
    Task<PipesResponse> RegisterPipes(RegisterPipesRequest request);

    /// <summary>Removes pipes of the session.</summary>
    Task<Done> RemovePipes(RemovePipesRequest request);

    /// <summary>The acting client's public pipes.</summary>
    Task<ListPipesResponse> ListPipes(ListPipesRequest request);

    /// <summary>The acting client's sockets.</summary>
    Task<ListSocketsResponse> ListSockets(ListSocketsRequest request);

    /// <summary>Watches sockets; see <see cref="WatchSocketsRequest"/>.</summary>
    Task<ListSocketsResponse> WatchSockets(WatchSocketsRequest request);

    /// <summary>Watches public pipes; see <see cref="WatchPipesRequest"/>.</summary>
    Task<ListPipesResponse> WatchPipes(WatchPipesRequest request);

    /// <summary>Closes a public pipe of whichever session of the acting client, or of others with the right to.</summary>
    Task<Done> ClosePipe(ClosePipeRequest request);

    /// <summary>Reserves a public name.</summary>
    Task<NamesResponse> ReserveName(ReserveNameRequest request);

    /// <summary>Lets go of a reserved name.</summary>
    Task<Done> ReleaseName(ReleaseNameRequest request);

    /// <summary>The acting client's reserved names.</summary>
    Task<NamesResponse> ListNames(ListNamesRequest request);

    /// <summary>Makes a link by which whoever has it visits a pipe of the acting client.</summary>
    Task<CreateLinkResponse> CreateLink(CreateLinkRequest request);

    /// <summary>Lets a client visit a pipe of the acting client for a while.</summary>
    Task<GrantVisitResponse> GrantVisit(GrantVisitRequest request);

    /// <summary>What the acting client has granted.</summary>
    Task<ListVisitGrantsResponse> ListVisitGrants(ListVisitGrantsRequest request);

    /// <summary>Withdraws what the acting client has granted.</summary>
    Task<WithdrawVisitResponse> WithdrawVisit(WithdrawVisitRequest request);

    /// <summary>The last exchanges of a public pipe.</summary>
    Task<ListExchangesResponse> ListExchanges(ListExchangesRequest request);

    /// <summary>Watches the exchanges of a public pipe; see <see cref="WatchExchangesRequest"/>.</summary>
    Task<ListExchangesResponse> WatchExchanges(WatchExchangesRequest request);

    /// <summary>Everything that is kept of one exchange.</summary>
    Task<ReadExchangeResponse> ReadExchange(ReadExchangeRequest request);

    /// <summary>Sends the request of an exchange again.</summary>
    Task<ReplayExchangeResponse> ReplayExchange(ReplayExchangeRequest request);

    /// <summary>What the acting client may narrow about a socket of its own.</summary>
    Task<LimitSocketResponse> LimitSocket(LimitSocketRequest request);

    /// <summary>Which gate would refuse, and why.</summary>
    Task<ExplainResponse> Explain(ExplainRequest request);

    /// <summary>Makes a lockspace.</summary>
    Task<Done> CreateLockspace(CreateLockspaceRequest request);

    /// <summary>Forgets a lockspace.</summary>
    Task<Done> RemoveLockspace(RemoveLockspaceRequest request);

    /// <summary>Admits a client to come and go.</summary>
    Task<HeldResponse> Admit(AdmitRequest request);

    /// <summary>Lets a client out of a lockspace that holds it.</summary>
    Task<HeldResponse> Release(ReleaseRequest request);

    /// <summary>Brings a client back to a lockspace.</summary>
    Task<HeldResponse> ReleaseTo(ReleaseToRequest request);

    /// <summary>Moves a client from one lockspace that holds it to another.</summary>
    Task<HeldResponse> MoveTo(MoveToRequest request);

    /// <summary>Takes a lock from whoever holds it.</summary>
    Task<Done> BreakLock(BreakLockRequest request);

    /// <summary>A message's way, step by step.</summary>
    Task<TraceResponse> Trace(TraceRequest request);

    /// <summary>Ends tokens before their time.</summary>
    Task<RevokeResponse> Revoke(RevokeRequest request);

    /// <summary>Forbids a client everything, or allows it again.</summary>
    Task<RevokeResponse> Disable(DisableRequest request);

    /// <summary>Removes a client for good; its name is never given again.</summary>
    Task<RevokeResponse> RemoveClient(RemoveClientRequest request);

    /// <summary>Sets message pipes of the acting client.</summary>
    Task<MessagePipesResponse> SetMessagePipes(SetMessagePipesRequest request);

    /// <summary>The acting client's message pipes.</summary>
    Task<MessagePipesResponse> ListMessagePipes(ListMessagePipesRequest request);

    /// <summary>Removes message pipes of the acting client.</summary>
    Task<Done> RemoveMessagePipes(RemoveMessagePipesRequest request);

    /// <summary>Makes a room by hand.</summary>
    Task<RoomResponse> CreateRoom(CreateRoomRequest request);

    /// <summary>Says anew what holds in a room.</summary>
    Task<RoomResponse> ChangeRoom(ChangeRoomRequest request);

    /// <summary>Removes a room.</summary>
    Task<Done> RemoveRoom(RemoveRoomRequest request);

    /// <summary>The acting client's rooms.</summary>
    Task<ListRoomsResponse> ListRooms(ListRoomsRequest request);

    /// <summary>Who may follow the acting client's feed.</summary>
    Task<SetFeedResponse> SetFeed(SetFeedRequest request);

    /// <summary>Lists the acting client's queues: pipes that keep requests while it is away.</summary>
    Task<ListQueuesResponse> ListQueues(ListQueuesRequest request);

    /// <summary>Lists what one of them keeps.</summary>
    Task<ReadQueueResponse> ReadQueue(ReadQueueRequest request);

    /// <summary>Puts a request that was given up at the end of its queue.</summary>
    Task<Done> ReplayQueued(ReplayQueuedRequest request);

    /// <summary>Throws a kept request away.</summary>
    Task<Done> DiscardQueued(DiscardQueuedRequest request);

    /// <summary>Ends a queue, with all that it keeps.</summary>
    Task<Done> RemoveQueue(RemoveQueueRequest request);

    /// <summary>The courtesy before leaving.</summary>
    Task<Done> Disconnect(DisconnectRequest request);

    /// <summary>Closes sockets of the acting client, or of others with the right to.</summary>
    Task<ForceDisconnectResponse> ForceDisconnect(ForceDisconnectRequest request);
}

/// <summary>Server to client on <c>/control</c>.</summary>
public interface IControlClient
{
    /// <summary>First event of the connection.</summary>
    Task Welcome(WelcomeEvent welcome);

    /// <summary>What became of the pipes that came with Open.</summary>
    Task PipesAreRegistered(PipesResponse pipes);

    /// <summary>Open a carrier.</summary>
    Task Carry(CarryOrder order);

    /// <summary>What visitors did, for pipes that asked for it.</summary>
    Task Exchanges(ExchangesEvent exchanges);

    /// <summary>Exchanges of a watched pipe have ended.</summary>
    Task ExchangesKept(ExchangesKeptEvent kept);

    /// <summary>Watched sockets have changed.</summary>
    Task SocketsChanged(SocketsChangedEvent changed);

    /// <summary>Watched pipes have changed.</summary>
    Task PipesChanged(PipesChangedEvent changed);

    /// <summary>A pipe of this connection was closed by somebody with the right to; do not register it again by yourself.</summary>
    Task PipeClosed(PipeClosedEvent closed);

    /// <summary>The clients of this connection have changed.</summary>
    Task IdentitiesChanged(IdentitiesChangedEvent changed);

    /// <summary>A client falls off this connection soon.</summary>
    Task ReauthenticateSoon(ReauthenticateSoonEvent soon);

    /// <summary>The node, or one by way of which the connection came, is being emptied: both connections of each of its sessions are to be opened anew.</summary>
    Task Draining(DrainingEvent draining);

    /// <summary>The server closes the connection; last event.</summary>
    Task Disconnected(DisconnectedEvent disconnected);
}
