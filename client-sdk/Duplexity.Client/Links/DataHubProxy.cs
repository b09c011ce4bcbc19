using Duplexity.Protocol;
using Microsoft.AspNetCore.SignalR.Client;

namespace Duplexity.Links;

/// <summary>The data hub as its interface: each method is one invocation of that name. Written by hand, because typed clients need reflection or a preview generator.</summary>
internal sealed class DataHubProxy(HubConnection connection) : IDataHub
{
    public Task<OpenResponse> Open(OpenRequest request) => connection.InvokeAsync<OpenResponse>(nameof(IDataHub.Open), request);

    public Task<SendResponse> Send(SendRequest request) => connection.InvokeAsync<SendResponse>(nameof(IDataHub.Send), request);

    public Task<SendResponse> Emit(EmitRequest request) => connection.InvokeAsync<SendResponse>(nameof(IDataHub.Emit), request);

    public Task<JoinResponse> Join(JoinRequest request) => connection.InvokeAsync<JoinResponse>(nameof(IDataHub.Join), request);

    public Task<Done> Leave(LeaveRequest request) => connection.InvokeAsync<Done>(nameof(IDataHub.Leave), request);

    public Task<HistoryResponse> History(HistoryRequest request) => connection.InvokeAsync<HistoryResponse>(nameof(IDataHub.History), request);

    public Task<PresenceResponse> Presence(PresenceRequest request) => connection.InvokeAsync<PresenceResponse>(nameof(IDataHub.Presence), request);

    public Task<Done> Acknowledge(AcknowledgeRequest request) => connection.InvokeAsync<Done>(nameof(IDataHub.Acknowledge), request);

    public Task<RenewClaimResponse> RenewClaim(RenewClaimRequest request) => connection.InvokeAsync<RenewClaimResponse>(nameof(IDataHub.RenewClaim), request);

    public Task<Done> ReturnClaim(ReturnClaimRequest request) => connection.InvokeAsync<Done>(nameof(IDataHub.ReturnClaim), request);

    public Task<DeadLettersResponse> DeadLetters(DeadLettersRequest request) => connection.InvokeAsync<DeadLettersResponse>(nameof(IDataHub.DeadLetters), request);

    public Task<ReplayResponse> Replay(ReplayRequest request) => connection.InvokeAsync<ReplayResponse>(nameof(IDataHub.Replay), request);

    public Task<Done> Discard(DiscardRequest request) => connection.InvokeAsync<Done>(nameof(IDataHub.Discard), request);

    public Task<IdentityResponse> Authenticate(AuthenticateRequest request) => connection.InvokeAsync<IdentityResponse>(nameof(IDataHub.Authenticate), request);

    public Task<IdentityResponse> Refresh(RefreshRequest request) => connection.InvokeAsync<IdentityResponse>(nameof(IDataHub.Refresh), request);

    public Task<Done> Drop(DropRequest request) => connection.InvokeAsync<Done>(nameof(IDataHub.Drop), request);

    public Task<Done> SetPrimary(SetPrimaryRequest request) => connection.InvokeAsync<Done>(nameof(IDataHub.SetPrimary), request);

    public Task<AcquireLockResponse> AcquireLock(AcquireLockRequest request) => connection.InvokeAsync<AcquireLockResponse>(nameof(IDataHub.AcquireLock), request);

    public Task<RenewLockResponse> RenewLock(RenewLockRequest request) => connection.InvokeAsync<RenewLockResponse>(nameof(IDataHub.RenewLock), request);

    public Task<Done> ReleaseLock(ReleaseLockRequest request) => connection.InvokeAsync<Done>(nameof(IDataHub.ReleaseLock), request);

    public Task<Done> AnswerChallenge(AnswerChallengeRequest request) => connection.InvokeAsync<Done>(nameof(IDataHub.AnswerChallenge), request);

    /// <summary>Hands the hub's events to <paramref name="client"/>, one at a time and in order.</summary>
    public static void Register(HubConnection connection, IDataClient client)
    {
        connection.On<WelcomeEvent>(nameof(IDataClient.Welcome), client.Welcome);
        connection.On<DeliveredMessage[]>(nameof(IDataClient.Deliver), client.Deliver);
        connection.On<AdvancedEvent>(nameof(IDataClient.Advanced), client.Advanced);
        connection.On<PresenceChangedEvent>(nameof(IDataClient.PresenceChanged), client.PresenceChanged);
        connection.On<LeftEvent>(nameof(IDataClient.Left), client.Left);
        connection.On<IdentitiesChangedEvent>(nameof(IDataClient.IdentitiesChanged), client.IdentitiesChanged);
        connection.On<ReauthenticateSoonEvent>(nameof(IDataClient.ReauthenticateSoon), client.ReauthenticateSoon);
        connection.On<AllowancesChangedEvent>(nameof(IDataClient.AllowancesChanged), client.AllowancesChanged);
        connection.On<LockChangedEvent>(nameof(IDataClient.LockChanged), client.LockChanged);
        connection.On<HeldChangedEvent>(nameof(IDataClient.HeldChanged), client.HeldChanged);
        connection.On<ChallengeEvent>(nameof(IDataClient.Challenge), client.Challenge);
        connection.On<ReceiptChangedEvent>(nameof(IDataClient.ReceiptChanged), client.ReceiptChanged);
        connection.On<WithdrawnEvent>(nameof(IDataClient.Withdrawn), client.Withdrawn);
        connection.On<JoinedEvent>(nameof(IDataClient.Joined), client.Joined);
        connection.On<DrainingEvent>(nameof(IDataClient.Draining), client.Draining);
        connection.On<DisconnectedEvent>(nameof(IDataClient.Disconnected), client.Disconnected);
    }
}
