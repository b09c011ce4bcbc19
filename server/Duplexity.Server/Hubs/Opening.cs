using Duplexity.Protocol;
using Duplexity.Server.Auth;
using Duplexity.Server.Cluster;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;

namespace Duplexity.Server.Hubs;

/// <summary>
/// The authorizer of data connections. Without pipes, Open only names the session. With pipes it is admitted by a ticket, or waits for its session's control
/// connection; the pipes are registered, all or none; and the result goes down the <em>control</em> connection (2.30), never down this one.
/// </summary>
internal sealed class Opening(Sessions sessions, DiscoverTickets tickets, PublicPipes pipes, Standing standing, NodeBook nodes, NodeCalls calls)
{
    public async Task<OpenResponse> OpenAsync(Socket socket, HeldIdentity identity, OpenRequest request, CancellationToken ct)
    {
        if (Check(request) is { } error)
        {
            return new OpenResponse { Error = error };
        }

        if (request.Pipes is { } named && named.Contains(null!))
        {
            return new OpenResponse { Error = ControlHub.NothingNamed("pipes") };
        }

        if (standing.Block(identity.Client, request.Session ?? socket.SessionId) is { } blocked)
        {
            socket.CloseSoon(Errors.ForcedOut, blocked.Sentence);
            return new OpenResponse { Error = blocked };
        }

        socket.SessionId = request.Session ?? socket.SessionId;
        socket.IsOpenToAnyone = request.Direct == DirectRule.Anyone;
        if (request.Pipes is { Length: > 0 } && await RegisterAsync(socket, identity, request, ct) is { } refused)
        {
            socket.CloseSoon(Errors.OpenRefused, refused.Sentence);
            return new OpenResponse { Error = refused };
        }

        return new OpenResponse { SocketId = socket.Id, Session = socket.SessionId };
    }

    private async Task<DuplexityError?> RegisterAsync(Socket socket, HeldIdentity identity, OpenRequest request, CancellationToken ct)
    {
        if (socket.SessionId is not { } sessionId)
        {
            return DuplexityError.Of(Errors.InvalidRequest, "Pipes belong to a session: name the one that Discover answered.");
        }

        if (request.Ticket is not null)
        {
            if (await tickets.RedeemAsync(request.Ticket, identity.Client, sessionId, ct) is not { } redeemed)
            {
                return DuplexityError.Of(Errors.TicketRefused, "The ticket is not good here; ask Discover for another.");
            }

            if (redeemed.Control != nodes.Self.Name)
            {
                return await RegisterElsewhereAsync(redeemed, identity, sessionId, request.Pipes!, ct);
            }
        }

        if (await sessions.WaitAsync(identity.Client, sessionId, ct) is not { Link: not null } session)
        {
            return DuplexityError.Of(Errors.ControlNotEstablished, "The control connection of this session is not established; connect /control and call Discover first.");
        }

        return await RegisterAsync(session, identity.Rules, request.Pipes!, ct);
    }

    /// <summary>Registers pipes of a session of this node, and tells its control connection what came of it.</summary>
    public async Task<DuplexityError?> RegisterAsync(Session session, AllowanceRules rules, PipeRegistration[] wanted, CancellationToken ct)
    {
        var result = await pipes.RegisterAsync(session, rules, wanted, ct);
        if (session.Link is not { } link)
        {
            // This registration is undone (2.30); what the session had before keeps its grace (G21).
            if (result.Error is null)
            {
                await pipes.RemoveAsync(session, [.. result.Pipes!.Select(p => p.Name!)], CancellationToken.None);
            }

            return DuplexityError.Of(Errors.ControlNotEstablished, "The control connection was lost meanwhile; the registration is undone.");
        }

        // Read after the registration: another control connection may have taken over meanwhile, and only that one is listened to.
        await link.Client.PipesAreRegistered(result);
        return result.Error;
    }

    private async Task<DuplexityError?> RegisterElsewhereAsync(DiscoverTickets.Redeemed redeemed, HeldIdentity identity, string session, PipeRegistration[] wanted, CancellationToken ct)
    {
        try
        {
            return await nodes.FindAsync(redeemed.Control, ct) is { } control
                ? await calls.AskAsync<OpenQuestion, DuplexityError?>(control, OpenCall.Word, new(identity.Client, session, redeemed.Generation, identity.Rules.Shown, wanted), ct)
                : DuplexityError.Of(Errors.ControlNotEstablished, "The control connection of this session is gone; connect /control and call Discover first.");
        }
        catch (Exception e) when (e is DuplexityException or NodeRefusedException)
        {
            return DuplexityError.Of(Errors.Unavailable, "The node of the session's control connection cannot be reached now; try again in a moment.");
        }
    }

    private static DuplexityError? Check(OpenRequest request)
    {
        if (ProtocolVersion.Check(request.Protocol) is { } version)
        {
            return version;
        }

        if (request.Session is { Length: 0 or > Wire.MaxNameLength })
        {
            return DuplexityError.Of(Errors.InvalidRequest, $"session has 1 to {Wire.MaxNameLength} characters.");
        }

        return request.Direct is null or DirectRule.Own or DirectRule.Anyone
            ? null
            : DuplexityError.Of(Errors.InvalidRequest, "direct is own or anyone.");
    }
}

/// <summary>The version check that Open and Discover share.</summary>
internal static class ProtocolVersion
{
    /// <summary>Null when both sides speak the same version; else which side to update.</summary>
    public static DuplexityError? Check(int? version) => version is null or Wire.Version
        ? null
        : DuplexityError.Of(Errors.ProtocolVersion, version < Wire.Version
            ? $"This server speaks protocol {Wire.Version}, the client {version}: update the client."
            : $"This server speaks protocol {Wire.Version}, the client {version}: update the server.");
}
