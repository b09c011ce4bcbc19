namespace Duplexity.Protocol;

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
