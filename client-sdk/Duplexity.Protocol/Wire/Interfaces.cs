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

/// <summary>Client to server on <c>/data</c>: what flows. Invocations start in order of arrival; sends are stored in that order.</summary>
public interface IDataHub
{
    /// <summary>Introduces the connection; see <see cref="OpenRequest"/>.</summary>
    Task<OpenResponse> Open(OpenRequest request);

    /// <summary>Adds the client of a further token to this connection.</summary>
    Task<IdentityResponse> Authenticate(AuthenticateRequest request);

    /// <summary>Renews a client of this connection.</summary>
    Task<IdentityResponse> Refresh(RefreshRequest request);

    /// <summary>Takes a client off this connection.</summary>
    Task<Done> Drop(DropRequest request);

    /// <summary>Names the client that requests without <c>as</c> act as.</summary>
    Task<Done> SetPrimary(SetPrimaryRequest request);

    /// <summary>Sends to listed destinations.</summary>
    Task<SendResponse> Send(SendRequest request);

    /// <summary>Sends without destinations.</summary>
    Task<SendResponse> Emit(EmitRequest request);

    /// <summary>Listens to a channel.</summary>
    Task<JoinResponse> Join(JoinRequest request);

    /// <summary>Stops listening.</summary>
    Task<Done> Leave(LeaveRequest request);

    /// <summary>Reads a page of a channel's log.</summary>
    Task<HistoryResponse> History(HistoryRequest request);

    /// <summary>Who is in a channel.</summary>
    Task<PresenceResponse> Presence(PresenceRequest request);

    /// <summary>Says how far a reader of the own inbox has come.</summary>
    Task<Done> Acknowledge(AcknowledgeRequest request);

    /// <summary>Lets the lease of a claimed message begin anew.</summary>
    Task<RenewClaimResponse> RenewClaim(RenewClaimRequest request);

    /// <summary>Gives a claimed message back.</summary>
    Task<Done> ReturnClaim(ReturnClaimRequest request);

    /// <summary>What the acting client's inbox gave up.</summary>
    Task<DeadLettersResponse> DeadLetters(DeadLettersRequest request);

    /// <summary>Puts a dead letter into the inbox anew.</summary>
    Task<ReplayResponse> Replay(ReplayRequest request);

    /// <summary>Lets a dead letter go for good.</summary>
    Task<Done> Discard(DiscardRequest request);

    /// <summary>Asks for a lock; who has to wait is told by <see cref="IDataClient.LockChanged"/>.</summary>
    Task<AcquireLockResponse> AcquireLock(AcquireLockRequest request);

    /// <summary>Lets a lock's lease begin anew.</summary>
    Task<RenewLockResponse> RenewLock(RenewLockRequest request);

    /// <summary>Gives a lock back, or stops waiting for it.</summary>
    Task<Done> ReleaseLock(ReleaseLockRequest request);

    /// <summary>Answers what a gate asked.</summary>
    Task<Done> AnswerChallenge(AnswerChallengeRequest request);
}

/// <summary>Server to client on <c>/data</c>.</summary>
public interface IDataClient
{
    /// <summary>First event of the connection.</summary>
    Task Welcome(WelcomeEvent welcome);

    /// <summary>Messages, in order for each channel.</summary>
    Task Deliver(DeliveredMessage[] messages);

    /// <summary>A place moved without a message.</summary>
    Task Advanced(AdvancedEvent advanced);

    /// <summary>Who came to a channel and who left, for sockets that asked.</summary>
    Task PresenceChanged(PresenceChangedEvent changed);

    /// <summary>The server has ended what a client of this socket listened to.</summary>
    Task Left(LeftEvent left);

    /// <summary>The clients of this connection have changed.</summary>
    Task IdentitiesChanged(IdentitiesChangedEvent changed);

    /// <summary>A client falls off this connection soon.</summary>
    Task ReauthenticateSoon(ReauthenticateSoonEvent soon);

    /// <summary>What a client may do from this socket has changed.</summary>
    Task AllowancesChanged(AllowancesChangedEvent changed);

    /// <summary>Something happened to a lock that a client of this socket holds, held or waits for.</summary>
    Task LockChanged(LockChangedEvent changed);

    /// <summary>A lockspace holds a client of this socket, another one does, or none any more.</summary>
    Task HeldChanged(HeldChangedEvent changed);

    /// <summary>A gate asks something before a message or a listener may pass.</summary>
    Task Challenge(ChallengeEvent challenge);

    /// <summary>What became of a message that was held, or whose sender wants to know more.</summary>
    Task ReceiptChanged(ReceiptChangedEvent changed);

    /// <summary>A message of the own inbox that this socket has in hand is none of its business any more.</summary>
    Task Withdrawn(WithdrawnEvent withdrawn);

    /// <summary>The server has let a client of this socket listen to a channel.</summary>
    Task Joined(JoinedEvent joined);

    /// <summary>The node, or one by way of which the connection came, is being emptied: this connection is to be opened anew. A socket whose session has its control connection at this node is told there.</summary>
    Task Draining(DrainingEvent draining);

    /// <summary>The server closes the connection; last event.</summary>
    Task Disconnected(DisconnectedEvent disconnected);
}
