using Duplexity.Protocol;
using Duplexity.Server.Auth;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;
using Duplexity.Server.Tunnels.Away;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Hubs;

/// <summary>Who may do what. One invocation at a time; the first is Discover. Each method is check → one call.</summary>
internal sealed partial class ControlHub(
    IEngine engine, Sessions sessions, SocketIndex sockets, DiscoverTickets tickets, PublicPipes pipes, Administration administration, IdentityCalls identities, IdentityChanges changes,
    IdentityHolders holders, Standing standing, Watching watching, MessagePipeCalls messagePipes, VisitCalls visits, QueueDesk queues, Explaining explaining, Tracing tracing, RoomCalls rooms, NameCalls names, ExchangeCalls exchanges, Locking locking, LockspaceCalls lockspaces, ControlPlaces places, NodeBook nodes, TimeProvider time, DuplexityOptions options,
    IHubContext<ControlHub, IControlClient> hub,
    ILogger<ControlHub> logger) : Hub<IControlClient>, IControlHub
{
    /// <summary>For what stores or changes something: that is done whole, whoever has gone.</summary>
    private static readonly CancellationToken Whole = CancellationToken.None;

    private ControlConnection Connection => Context.Features.Get<ControlConnection>()!;

    public override async Task OnConnectedAsync()
    {
        var identity = Context.GetHttpContext()?.Features.Get<Identity>() ?? throw new InvalidOperationException("The control hub was reached without an identity.");
        var connection = new ControlConnection(identity, Context, hub.Clients.Client(Context.ConnectionId), sessions, watching, places, time, options.Times);
        Context.Features.Set(connection);
        if (connection.Admit(identity.Client) is { } full)
        {
            // Not awaited: it ends once this has returned.
            _ = connection.Close(Errors.SocketLimit, full.Sentence);
            return;
        }

        await Clients.Caller.Welcome(new WelcomeEvent
        {
            SocketId = Context.ConnectionId,
            Clients = [identity.Client],
            ExpiresAt = identity.ExpiresAt?.ToUnixTimeMilliseconds(),
            Protocol = Wire.Version,
        });
        holders.Add(connection);
        await changes.EndIfRevokedAsync(connection, identity);
    }

    public override Task OnDisconnectedAsync(Exception? exception)
    {
        // Without the state the connection never came as far as Welcome.
        if (Context.Features.Get<ControlConnection>() is { } connection)
        {
            holders.Remove(connection);
            watching.StopAll(connection);
            connection.Dispose();
            foreach (var session in connection.Sessions)
            {
                sessions.Lose(session, Context.ConnectionId);
            }
        }

        return Task.CompletedTask;
    }

    public async Task<DiscoveryResponse> Discover(DiscoveryRequest request)
    {
        var identity = Acting(request).Identity;
        var client = identity.Client;
        if (ProtocolVersion.Check(request.Protocol) is { } version)
        {
            return new DiscoveryResponse { Error = version };
        }

        if (request.ClientId is not null && request.ClientId != client)
        {
            return new DiscoveryResponse { Error = DuplexityError.Of(Errors.Denied, "The token is another client's than the one that Discover names.") };
        }

        if (request.Session is { Length: 0 or > Wire.MaxNameLength })
        {
            return new DiscoveryResponse { Error = DuplexityError.Of(Errors.InvalidRequest, $"session has 1 to {Wire.MaxNameLength} characters.") };
        }

        var again = Connection.SessionOf(client);
        var id = request.Session ?? again?.Id ?? NewId();
        if (again is not null && again.Id != id)
        {
            return new DiscoveryResponse { Error = DuplexityError.Of(Errors.InvalidRequest, "This connection has another session already.") };
        }

        if ((standing.Block(client, id) ?? sessions.StaysAway(client, id)) is { } away)
        {
            return new DiscoveryResponse { Error = away };
        }

        // Asked again on the same connection, the session keeps its generation: only the ticket is fresh.
        var generation = again?.Link?.Generation ?? await engine.Registry.NextGenerationAsync(Context.ConnectionAborted);
        var data = nodes.ForData();
        var at = BaseAddress();
        var origins = nodes.Others.Concat(nodes.Fronts).Select(n => n.Url).OfType<Uri>().Append(at).Select(u => u.GetLeftPart(UriPartial.Authority)).ToHashSet();
        if (again?.Link is null)
        {
            await EstablishAsync(identity, id, generation, at, origins);
        }

        return new DiscoveryResponse
        {
            ClientId = client,
            Session = id,
            Generation = generation,
            DataPlaneUri = new Uri(data.Url is { } own && data.Name != nodes.Self.Name ? new Uri(own.AbsoluteUri.TrimEnd('/') + "/") : at, $"data?node={data.Name}").AbsoluteUri,
            Ticket = tickets.Issue(client, id, generation, data.Name),
            Origins = [.. origins],
        };
    }

    public Task<IdentityResponse> Authenticate(AuthenticateRequest request) => identities.AuthenticateAsync(Connection, null, request, Context.ConnectionAborted);

    public Task<IdentityResponse> Refresh(RefreshRequest request) => identities.RefreshAsync(Connection, request, Context.ConnectionAborted);

    public Task<Done> Drop(DropRequest request) => identities.DropAsync(Connection, request);

    public Task<PipesResponse> RegisterPipes(RegisterPipesRequest request) => request.Pipes is { Length: > 0 } wanted && !wanted.Contains(null!)
        ? pipes.RegisterAsync(Session(request), Acting(request).Rules, wanted, Context.ConnectionAborted)
        : Task.FromResult(new PipesResponse { Error = NothingNamed("pipes") });

    public async Task<Done> RemovePipes(RemovePipesRequest request)
    {
        if (request.Names is not { Length: > 0 } names || names.Contains(null!))
        {
            return new Done { Error = NothingNamed("names") };
        }

        await pipes.RemoveAsync(Session(request), names, Context.ConnectionAborted);
        return new Done();
    }

    public async Task<ListPipesResponse> ListPipes(ListPipesRequest request) => administration.Whose(Acting(request), request.Client, out var client) is { } refused
        ? new() { Error = refused }
        : new() { Pipes = [.. await pipes.ListAsync(client, Context.ConnectionAborted)] };

    public Task<ListSocketsResponse> ListSockets(ListSocketsRequest request) => administration.ListSocketsAsync(Acting(request), request.Client, Context.ConnectionAborted);

    public Task<ListSocketsResponse> WatchSockets(WatchSocketsRequest request) =>
        watching.WatchSocketsAsync(Connection, Acting(request), request, hub.Clients.Client(Context.ConnectionId).SocketsChanged, Context.ConnectionAborted);

    public Task<ListPipesResponse> WatchPipes(WatchPipesRequest request) =>
        watching.WatchPipesAsync(Connection, Acting(request), request, hub.Clients.Client(Context.ConnectionId).PipesChanged, Context.ConnectionAborted);

    public async Task<Done> ClosePipe(ClosePipeRequest request)
    {
        if (string.IsNullOrWhiteSpace(request.Name) || request.Name.Length > Wire.MaxNameLength * 2)
        {
            return new Done { Error = NothingNamed("name") };
        }

        var acting = Acting(request);
        return await pipes.CloseAsync(
            request.Name, owner => owner == acting.Client || acting.Rules.MayAdminister(owner), request.Reason, acting.Client, Connection.SessionOf(acting.Client)?.Id, Context.ConnectionAborted)
            ? new Done()
            : new Done { Error = DuplexityError.Of(Errors.UnknownDestination, "There is no pipe of that name that this client may close.") };
    }

    public Task<NamesResponse> ReserveName(ReserveNameRequest request) => names.ReserveAsync(Acting(request), request, Whole);

    public Task<Done> ReleaseName(ReleaseNameRequest request) => names.ReleaseAsync(Acting(request), request, Whole);

    public Task<NamesResponse> ListNames(ListNamesRequest request) => Task.FromResult(names.List(Acting(request), request));

    public Task<CreateLinkResponse> CreateLink(CreateLinkRequest request) => visits.CreateLinkAsync(Acting(request), request, Context.ConnectionAborted);

    public Task<GrantVisitResponse> GrantVisit(GrantVisitRequest request) => visits.GrantAsync(Acting(request), request, Whole);

    public Task<ListVisitGrantsResponse> ListVisitGrants(ListVisitGrantsRequest request) => Task.FromResult(visits.List(Acting(request)));

    public Task<WithdrawVisitResponse> WithdrawVisit(WithdrawVisitRequest request) => visits.WithdrawAsync(Acting(request), request, Whole);

    public Task<LimitSocketResponse> LimitSocket(LimitSocketRequest request) => administration.LimitSocketAsync(Acting(request), request, Context.ConnectionAborted);

    public Task<ExplainResponse> Explain(ExplainRequest request)
    {
        var acting = Acting(request);
        return explaining.ExplainAsync(acting, Connection.SessionOf(acting.Client)?.Id, request, Context.ConnectionAborted);
    }

    public Task<Done> CreateLockspace(CreateLockspaceRequest request) => lockspaces.CreateAsync(Acting(request), request, Whole);

    public Task<Done> RemoveLockspace(RemoveLockspaceRequest request) => lockspaces.RemoveAsync(Acting(request), request, Whole);

    public Task<HeldResponse> Admit(AdmitRequest request) => lockspaces.AdmitAsync(Acting(request), request, Whole);

    public Task<HeldResponse> Release(ReleaseRequest request) => Task.FromResult(lockspaces.Release(Acting(request), request));

    public Task<HeldResponse> ReleaseTo(ReleaseToRequest request) => Task.FromResult(lockspaces.ReleaseTo(Acting(request), request));

    public Task<HeldResponse> MoveTo(MoveToRequest request) => lockspaces.MoveToAsync(Acting(request), request);

    public Task<Done> BreakLock(BreakLockRequest request) => locking.BreakAsync(Acting(request), request, Whole);

    public Task<TraceResponse> Trace(TraceRequest request) => Task.FromResult(tracing.Answer(Acting(request), request));

    public Task<RevokeResponse> Revoke(RevokeRequest request) => administration.RevokeAsync(Acting(request), request, Whole);

    public Task<RevokeResponse> Disable(DisableRequest request) => administration.DisableAsync(Acting(request), request, Whole);

    public Task<RevokeResponse> RemoveClient(RemoveClientRequest request) => administration.RemoveAsync(Acting(request), request, Whole);

    public Task<MessagePipesResponse> SetMessagePipes(SetMessagePipesRequest request) => messagePipes.SetAsync(Acting(request), request, Whole);

    public Task<MessagePipesResponse> ListMessagePipes(ListMessagePipesRequest request) => messagePipes.ListAsync(Acting(request), Context.ConnectionAborted);

    public Task<Done> RemoveMessagePipes(RemoveMessagePipesRequest request) => messagePipes.RemoveAsync(Acting(request), request, Whole);

    public Task<RoomResponse> CreateRoom(CreateRoomRequest request) => rooms.CreateAsync(Acting(request), request, Whole);

    public Task<RoomResponse> ChangeRoom(ChangeRoomRequest request) => rooms.ChangeAsync(Acting(request), request, Whole);

    public Task<Done> RemoveRoom(RemoveRoomRequest request) => rooms.RemoveAsync(Acting(request), request, Whole);

    public Task<ListRoomsResponse> ListRooms(ListRoomsRequest request) => rooms.ListAsync(Acting(request), request);

    public Task<SetFeedResponse> SetFeed(SetFeedRequest request) => rooms.SetFeedAsync(Acting(request), request, Whole);

    public async Task<Done> Disconnect(DisconnectRequest request)
    {
        var session = Session(request);
        logger.SessionOver(VisibleText.Of(session.Id, VisibleText.LogLength), VisibleText.Of(session.Client, VisibleText.LogLength));
        await sessions.EndAsync(session);
        foreach (var socket in sockets.OfClient(session.Client).Where(s => s.SessionId == session.Id))
        {
            await changes.EndAsync(socket, session.Client, IdentityChange.Dropped, Errors.Goodbye, "The client said goodbye.", isAsked: true);
        }

        return new Done();
    }

    public Task<ForceDisconnectResponse> ForceDisconnect(ForceDisconnectRequest request) => administration.ForceDisconnectAsync(Acting(request), request);

    /// <summary>The error for a list that is empty or has nothing in one of its places.</summary>
    public static DuplexityError NothingNamed(string field) => DuplexityError.Of(Errors.InvalidRequest, $"{field} is empty, or has an empty place; name at least one.");

    private static string NewId() => Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16));

    private HeldIdentity Acting(Request request) =>
        Connection.Identities.Resolve(request.As, out var held) is { } error ? throw new DuplexityException(error) : held;

    private Session Session(Request request) => Connection.SessionOf(Acting(request).Client)
        ?? throw new DuplexityException(DuplexityError.Of(Errors.ControlNotEstablished, "This identity has no session on this connection; call Discover as it first."));

    private async Task EstablishAsync(Identity identity, string id, long generation, Uri at, IReadOnlyCollection<string> origins)
    {
        var connection = Connection;
        var ends = changes; // this hub object does not outlive its call
        var link = new ControlLink(
            Context.ConnectionId, generation, at, hub.Clients.Client(Context.ConnectionId), (code, reason) => CloseAsync(connection, ends, identity.Client, code, reason), origins);
        var (session, replaced) = sessions.Establish(identity.Client, id, link);
        session.Identity = identity;
        if (!connection.Establish(session))
        {
            // The client fell off the connection while Discover ran, and its end may not have seen the session.
            await sessions.EndAsync(session, isCut: true);
        }

        replaced?.Close(Errors.ConnectionReplaced, "A newer control connection of the same session is here.");
        if (Context.ConnectionAborted.IsCancellationRequested)
        {
            // The connection ended while Discover ran, and its end may not have seen the session.
            sessions.Lose(session, Context.ConnectionId);
        }
    }

    // What became of one client's session is no reason to end another client's (G10); what became of the node is.
    private static Task CloseAsync(ControlConnection connection, IdentityChanges changes, string client, (int Code, string Name) code, string reason) =>
        (code == Errors.TakenOver || code == Errors.ConnectionReplaced) && connection.Identities.All.Length > 1
            ? changes.EndAsync(connection, client, IdentityChange.Dropped, code, reason)
            : connection.Close(code, reason);

    /// <summary>Where this client reaches this node: the node's own address, else the one that the connection came by.</summary>
    private Uri BaseAddress()
    {
        if (options.Node.Url is { } own)
        {
            return own.AbsoluteUri.EndsWith('/') ? own : new Uri(own.AbsoluteUri + "/");
        }

        var request = Context.GetHttpContext()!.Request;
        var path = request.Path.Value!.TrimEnd('/');
        return new Uri(UriHelper.BuildAbsolute(request.Scheme, request.Host, request.PathBase, path[..(path.LastIndexOf('/') + 1)]));
    }
}
