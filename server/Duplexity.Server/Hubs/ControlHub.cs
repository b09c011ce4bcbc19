using Duplexity.Protocol;
using Duplexity.Server.Auth;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Hubs;

/// <summary>Who may do what. One invocation at a time; the first is Discover. Each method is check → one call.</summary>
internal sealed class ControlHub(
    IEngine engine, Sessions sessions, SocketIndex sockets, DiscoverTickets tickets, PublicPipes pipes, ForcedDisconnects disconnects, Node node, TimeProvider time,
    DuplexityOptions options, IHubContext<ControlHub, IControlClient> hub, ILogger<ControlHub> logger) : Hub<IControlClient>, IControlHub
{
    private ControlConnection Connection => Context.Features.Get<ControlConnection>()!;

    public override async Task OnConnectedAsync()
    {
        var identity = Context.GetHttpContext()?.Features.Get<Identity>() ?? throw new InvalidOperationException("The control hub was reached without an identity.");
        Context.Features.Set(new ControlConnection(identity, Context, hub.Clients.Client(Context.ConnectionId), time, options.Times));
        await Clients.Caller.Welcome(new WelcomeEvent
        {
            SocketId = Context.ConnectionId,
            Clients = [identity.Client],
            ExpiresAt = identity.ExpiresAt?.ToUnixTimeMilliseconds(),
            Protocol = Wire.Version,
        });
    }

    public override Task OnDisconnectedAsync(Exception? exception)
    {
        // Without the state the connection never came as far as Welcome.
        Context.Features.Get<ControlConnection>()?.Dispose();
        if (Context.Features.Get<ControlConnection>()?.Session is { } session)
        {
            sessions.Lose(session, Context.ConnectionId);
        }

        return Task.CompletedTask;
    }

    public async Task<DiscoveryResponse> Discover(DiscoveryRequest request)
    {
        var client = Connection.Identity.Client;
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

        var again = Connection.Session;
        var id = request.Session ?? again?.Id ?? NewId();
        if (again is not null && again.Id != id)
        {
            return new DiscoveryResponse { Error = DuplexityError.Of(Errors.InvalidRequest, "This connection has another session already.") };
        }

        // Asked again on the same connection, the session keeps its generation: only the ticket is fresh.
        var generation = again?.Link?.Generation ?? await engine.Registry.NextGenerationAsync(Context.ConnectionAborted);
        var at = BaseAddress();
        if (again?.Link is null)
        {
            var connection = Connection;
            var link = new ControlLink(
                Context.ConnectionId, generation, at, hub.Clients.Client(Context.ConnectionId), (code, reason) => connection.Close(code, reason));
            var (session, replaced) = sessions.Establish(client, id, link);
            Connection.Establish(session);
            replaced?.Close(Errors.ConnectionReplaced, "A newer control connection of the same session is here.");
            if (Context.ConnectionAborted.IsCancellationRequested)
            {
                // The connection ended while Discover ran, and its end may not have seen the session.
                sessions.Lose(session, Context.ConnectionId);
            }
        }

        return new DiscoveryResponse
        {
            ClientId = client,
            Session = id,
            Generation = generation,
            DataPlaneUri = new Uri(at, $"data?node={node.Name}").AbsoluteUri,
            Ticket = tickets.Issue(client, id, generation),
            Origins = [at.GetLeftPart(UriPartial.Authority)],
        };
    }

    public Task<PipesResponse> RegisterPipes(RegisterPipesRequest request) => request.Pipes is { Length: > 0 } wanted && !wanted.Contains(null!)
        ? pipes.RegisterAsync(Connection.Session!, wanted, Context.ConnectionAborted)
        : Task.FromResult(new PipesResponse { Error = NothingNamed("pipes") });

    public async Task<Done> RemovePipes(RemovePipesRequest request)
    {
        if (request.Names is not { Length: > 0 } names || names.Contains(null!))
        {
            return new Done { Error = NothingNamed("names") };
        }

        await pipes.RemoveAsync(Connection.Session!, names, Context.ConnectionAborted);
        return new Done();
    }

    public async Task<ListPipesResponse> ListPipes(ListPipesRequest request) =>
        new() { Pipes = [.. await pipes.ListAsync(Connection.Identity.Client, Context.ConnectionAborted)] };

    public Task<ListSocketsResponse> ListSockets(ListSocketsRequest request) =>
        Task.FromResult(new ListSocketsResponse { Sockets = SocketInfos.Of(sockets, node, Connection.Identity.Client) });

    public Task<Done> Disconnect(DisconnectRequest request)
    {
        var session = Connection.Session!;
        logger.SessionOver(VisibleText.Of(session.Id, VisibleText.LogLength), VisibleText.Of(session.Client, VisibleText.LogLength));
        sessions.End(session);
        foreach (var socket in sockets.OfClient(session.Client).Where(s => s.SessionId == session.Id))
        {
            socket.Close(Errors.Goodbye, "The client said goodbye.");
        }

        return Task.FromResult(new Done());
    }

    public Task<ForceDisconnectResponse> ForceDisconnect(ForceDisconnectRequest request)
    {
        if (!Address.TryRead(request.Target, out var target, out var problem))
        {
            return Task.FromResult(new ForceDisconnectResponse { Error = DuplexityError.Of(Errors.InvalidAddress, problem) });
        }

        var identity = Connection.Identity;
        var isOwn = target.Kind == AddressKind.Client
            ? target.Name == identity.Client
            : target.Kind == AddressKind.Socket && sockets.OfClient(identity.Client).Any(s => s.Id == target.Name);
        return Task.FromResult(isOwn || (identity.IsAdministrator && target.Kind is AddressKind.Client or AddressKind.Socket)
            ? new ForceDisconnectResponse { Sockets = disconnects.Force(target, request.Reason) }
            : new ForceDisconnectResponse { Error = DuplexityError.Of(Errors.Denied, "Only sockets of your own can be closed, by socket:ID or client:CID.") });
    }

    public Task<IdentityResponse> Authenticate(AuthenticateRequest request) => throw new NotSupportedException();

    public Task<IdentityResponse> Refresh(RefreshRequest request) => throw new NotSupportedException();

    public Task<Done> Drop(DropRequest request) => throw new NotSupportedException();

    public Task<ListSocketsResponse> WatchSockets(WatchSocketsRequest request) => throw new NotSupportedException();

    public Task<LimitSocketResponse> LimitSocket(LimitSocketRequest request) => throw new NotSupportedException();

    public Task<ExplainResponse> Explain(ExplainRequest request) => throw new NotSupportedException();

    public Task<RevokeResponse> Revoke(RevokeRequest request) => throw new NotSupportedException();

    public Task<RevokeResponse> Disable(DisableRequest request) => throw new NotSupportedException();

    /// <summary>The error for a list that is empty or has nothing in one of its places.</summary>
    public static DuplexityError NothingNamed(string field) => DuplexityError.Of(Errors.InvalidRequest, $"{field} is empty, or has an empty place; name at least one.");

    private static string NewId() => Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16));

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
