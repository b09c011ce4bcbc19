using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.SignalR;

namespace Duplexity.Server.Hubs;

/// <summary>
/// What flows. Each method is one call: the gate filter has checked the identity, the machine and the rooms below decide the rest. No method waits for a person, a
/// peer or a level beyond <c>stored</c> (G11), and Send and Emit run without an await up to the append.
/// </summary>
internal sealed class DataHub(PipeMachine machine, Listening listening, Opening opening) : Hub<IDataClient>, IDataHub
{
    private Socket Socket => Context.Features.Get<Socket>()!;

    public Task<OpenResponse> Open(OpenRequest request) => opening.OpenAsync(Socket, Acting(request), request, Context.ConnectionAborted);

    public Task<SendResponse> Send(SendRequest request) => machine.SendAsync(Socket.SenderAs(Acting(request)), request).AsTask();

    public Task<SendResponse> Emit(EmitRequest request)
    {
        var identity = Acting(request);
        return machine.EmitAsync(Socket.SenderAs(identity) with { Rooms = Socket.RoomsOf(identity) }, request).AsTask();
    }

    public Task<JoinResponse> Join(JoinRequest request) => listening.JoinAsync(Socket, Acting(request), request);

    public Task<Done> Leave(LeaveRequest request) => listening.LeaveAsync(Socket, request);

    public Task<HistoryResponse> History(HistoryRequest request) => listening.HistoryAsync(Acting(request), Socket, request);

    public Task<PresenceResponse> Presence(PresenceRequest request) => listening.PresenceAsync(request);

    public Task<IdentityResponse> Authenticate(AuthenticateRequest request) => throw new NotSupportedException();

    public Task<IdentityResponse> Refresh(RefreshRequest request) => throw new NotSupportedException();

    public Task<Done> Drop(DropRequest request) => throw new NotSupportedException();

    public Task<Done> SetPrimary(SetPrimaryRequest request) => throw new NotSupportedException();

    private Identity Acting(Request request) =>
        Socket.Resolve(request.As, out var identity) is { } error ? throw new DuplexityException(error) : identity;
}
