using System.Security.Cryptography;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Hubs;

/// <summary>
/// The data hub's own lifetime manager: makes a <see cref="Socket"/> of each connection and ends it. There is no second routing beside the pipes, so SignalR's
/// groups, users and broadcasts are refused here; <see cref="IDuplexity"/> is the way to send.
/// </summary>
internal sealed class DataHubLifetimeManager(
    IEngine engine, SocketIndex sockets, IdentityHolders holders, IdentityChanges changes, RoomPresence presence, SocketParts parts, ILogger<DataHubLifetimeManager> logger)
    : HubLifetimeManager<DataHub>
{
    public override async Task OnConnectedAsync(HubConnectionContext connection)
    {
        var http = connection.GetHttpContext() ?? throw new InvalidOperationException("The data hub needs an HTTP connection.");
        var identity = http.Features.Get<Identity>() ?? throw new InvalidOperationException("The data hub was reached without an identity.");
        var socket = new Socket(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), connection, identity, parts)
        {
            SessionId = SessionOf(http.Request.Query["session"]),
            Via = http.Features.Get<HandedOn>()?.Via,
        };
        connection.Features.Set(socket);
        connection.Features.Set(((CountingHubProtocol)connection.Protocol).Answers);
        var held = socket.Identities.All[0];
        sockets.Add(socket, connection.ConnectionId);
        if (socket.Hold(held) is { } full)
        {
            socket.Close(Errors.SocketLimit, full.Sentence);
            return;
        }

        socket.Queue.Send(nameof(IDataClient.Welcome), new WelcomeEvent
        {
            SocketId = socket.Id,
            Clients = [identity.Client],
            ExpiresAt = identity.ExpiresAt?.ToUnixTimeMilliseconds(),
            Protocol = Wire.Version,
            Previous = parts.Ends.Take(identity.Client, socket.SessionId),
            Identities = [held.Info(isPrimary: true)],
        });
        await parts.Listening.ListenToOwnAsync(socket, identity.Client);
        holders.Add(socket);
        parts.Watches.Mark(socket, identity.Client, SocketChangeKind.Connected);
        await changes.EndIfRevokedAsync(socket, identity);
        logger.SocketConnected(socket.Id, VisibleText.Of(identity.Client, VisibleText.LogLength));
    }

    public override async Task OnDisconnectedAsync(HubConnectionContext connection)
    {
        if (connection.Features.Get<Socket>() is not { } socket)
        {
            return;
        }

        holders.Remove(socket);
        var departure = socket.Departure;
        var released = socket.Release();
        sockets.Remove(socket, connection.ConnectionId);
        foreach (var subscription in released)
        {
            foreach (var client in subscription.Clients)
            {
                await TryAsync(socket, () => presence.LoseAsync(socket, subscription.Address, client, departure.Reason, departure.IsFinal));
                parts.Listening.Unwind(subscription.Address, client, socket.Id);
            }
        }

        await TryAsync(socket, () => engine.Locks.LoseAsync(socket.Id));
        foreach (var client in socket.Identities.Clients)
        {
            parts.Membership.Unwind(client, socket.Id);
            parts.Watches.Mark(socket, client, SocketChangeKind.Gone);
        }

        await TryAsync(socket, () => engine.Log.RemoveAsync(Address.Socket(socket.Id)));
        logger.SocketGone(socket.Id, VisibleText.Of(socket.OpenedAs, VisibleText.LogLength));
    }

    public override Task SendConnectionAsync(string connectionId, string methodName, object?[] args, CancellationToken cancellationToken = default)
    {
        sockets.OfConnection(connectionId)?.Queue.Send(new InvocationMessage(methodName, args));
        return Task.CompletedTask;
    }

    public override Task AddToGroupAsync(string connectionId, string groupName, CancellationToken cancellationToken = default) => throw NotHere();

    public override Task RemoveFromGroupAsync(string connectionId, string groupName, CancellationToken cancellationToken = default) => throw NotHere();

    public override Task SendAllAsync(string methodName, object?[] args, CancellationToken cancellationToken = default) => throw NotHere();

    public override Task SendAllExceptAsync(string methodName, object?[] args, IReadOnlyList<string> excludedConnectionIds, CancellationToken cancellationToken = default) => throw NotHere();

    public override Task SendConnectionsAsync(IReadOnlyList<string> connectionIds, string methodName, object?[] args, CancellationToken cancellationToken = default) => throw NotHere();

    public override Task SendGroupAsync(string groupName, string methodName, object?[] args, CancellationToken cancellationToken = default) => throw NotHere();

    public override Task SendGroupExceptAsync(string groupName, string methodName, object?[] args, IReadOnlyList<string> excludedConnectionIds, CancellationToken cancellationToken = default) => throw NotHere();

    public override Task SendGroupsAsync(IReadOnlyList<string> groupNames, string methodName, object?[] args, CancellationToken cancellationToken = default) => throw NotHere();

    public override Task SendUserAsync(string userId, string methodName, object?[] args, CancellationToken cancellationToken = default) => throw NotHere();

    public override Task SendUsersAsync(IReadOnlyList<string> userIds, string methodName, object?[] args, CancellationToken cancellationToken = default) => throw NotHere();

    /// <summary>Where the engine is away the socket ends here all the same. There the next comparison of presence takes it out of its rooms, the locks lose it when they can, and its log lapses.</summary>
    private async ValueTask TryAsync(Socket socket, Func<ValueTask> tell)
    {
        try
        {
            await tell();
        }
        catch (DuplexityException e)
        {
            logger.SocketGoneUntold(e, socket.Id);
        }
    }

    private static NotSupportedException NotHere() =>
        new("Duplexity's data hub has no SignalR groups, users or broadcasts; send to rooms, clients and sockets with the injectable IDuplexity.");

    private static string? SessionOf(string? session) => session is { Length: > 0 and <= Wire.MaxNameLength } ? session : null;
}
