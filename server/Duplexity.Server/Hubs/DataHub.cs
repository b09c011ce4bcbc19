using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using MessagePack;
using Microsoft.AspNetCore.SignalR;

namespace Duplexity.Server.Hubs;

/// <summary>
/// What flows. Each method is one call: the gate filter has checked the identity, the machine and the rooms below decide the rest. No method waits for a person, a
/// peer or a level beyond <c>stored</c> (G11), and Send and Emit run without an await up to the append, unless a gate takes its time or a destination is a socket of another node: then the socket's <see cref="SendLine"/> keeps the order.
/// </summary>
internal sealed class DataHub(
    PipeMachine machine, Listening listening, Opening opening, IdentityCalls identities, ChallengeCalls challenges, SocketWatches watches, SessionEnds ends, Locking locking) : Hub<IDataClient>, IDataHub
{
    private Socket Socket => Context.Features.Get<Socket>()!;

    public override Task OnDisconnectedAsync(Exception? exception)
    {
        // Without the state the connection never came as far as Welcome.
        if (exception is null || Context.Features.Get<Socket>() is not { } socket)
        {
            return Task.CompletedTask;
        }

        socket.WasLost = true;

        // SignalR ends what it cannot read by itself, with a text of its own: the session learns our code when it is back.
        if (exception is InvalidDataException or MessagePackSerializationException && !socket.IsClosing)
        {
            ends.Remember(socket.OpenedAs, socket.SessionId, Errors.ProtocolViolation.Code, "What came on this connection could not be read.");
        }

        return Task.CompletedTask;
    }

    public Task<OpenResponse> Open(OpenRequest request) => opening.OpenAsync(Socket, Acting(request), request, Context.ConnectionAborted);

    public Task<IdentityResponse> Authenticate(AuthenticateRequest request) => identities.AuthenticateAsync(Socket, Socket.SessionId, request, Context.ConnectionAborted);

    public Task<IdentityResponse> Refresh(RefreshRequest request) => identities.RefreshAsync(Socket, request, Context.ConnectionAborted);

    public Task<Done> Drop(DropRequest request) => identities.DropAsync(Socket, request);

    public Task<Done> SetPrimary(SetPrimaryRequest request) => identities.SetPrimaryAsync(Socket, request);

    public Task<SendResponse> Send(SendRequest request)
    {
        var held = Acting(request);
        var answer = machine.SendAsync(held.SenderFrom(Socket.Id, Socket.Line), request).AsTask();
        watches.Mark(Socket, held.Client, SocketChangeKind.Used);
        return answer;
    }

    public Task<SendResponse> Emit(EmitRequest request)
    {
        var held = Acting(request);
        var answer = machine.EmitAsync(held.SenderFrom(Socket.Id, Socket.Line) with { Rooms = Socket.RoomsOf(held.Client) }, request).AsTask();
        watches.Mark(Socket, held.Client, SocketChangeKind.Used);
        return answer;
    }

    public Task<JoinResponse> Join(JoinRequest request) => listening.JoinAsync(Socket, Acting(request), request);

    public Task<Done> Leave(LeaveRequest request) => listening.LeaveAsync(Socket, Acting(request), request);

    public Task<HistoryResponse> History(HistoryRequest request) => PageAsync(() => listening.HistoryAsync(Socket, Acting(request), request));

    public Task<PresenceResponse> Presence(PresenceRequest request) => PageAsync(() => listening.PresenceAsync(Socket, Acting(request), request));

    public Task<Done> AnswerChallenge(AnswerChallengeRequest request) => challenges.AnswerAsync(Socket, Acting(request), request, Context.ConnectionAborted);

    public Task<Done> Acknowledge(AcknowledgeRequest request) => listening.AcknowledgeAsync(Socket, Acting(request), request);

    public Task<RenewClaimResponse> RenewClaim(RenewClaimRequest request) => listening.RenewClaimAsync(Socket, Acting(request), request);

    public Task<Done> ReturnClaim(ReturnClaimRequest request) => listening.ReturnClaimAsync(Socket, Acting(request), request);

    public Task<DeadLettersResponse> DeadLetters(DeadLettersRequest request) => PageAsync(() => listening.DeadLettersAsync(Acting(request), request));

    public Task<ReplayResponse> Replay(ReplayRequest request) => listening.ReplayAsync(Acting(request), request);

    public Task<Done> Discard(DiscardRequest request) => listening.DiscardAsync(Acting(request), request);

    public Task<AcquireLockResponse> AcquireLock(AcquireLockRequest request) => locking.AcquireAsync(Socket, Acting(request), request);

    public Task<RenewLockResponse> RenewLock(RenewLockRequest request) => locking.RenewAsync(Socket, Acting(request), request);

    public Task<Done> ReleaseLock(ReleaseLockRequest request) => locking.ReleaseAsync(Socket, Acting(request), request);

    private Task<T> PageAsync<T>(Func<Task<T>> read)
        where T : Answer => Context.Features.Get<AnswerLine>()!.AnswerAsync(read, Context.ConnectionAborted);

    private HeldIdentity Acting(Request request) =>
        Socket.Identities.Resolve(request.As, out var held) is { } error ? throw new DuplexityException(error) : held;
}
