using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Closes sockets and sessions of a client against its will, on whichever node they are, and keeps it away for a time (G21). What it sends after the answer is not taken; what was stored before is delivered to others.
/// Idempotent; thread-safe.
/// </summary>
internal sealed class ForcedDisconnects(
    IEngine engine, SocketIndex sockets, Sessions sessions, IdentityHolders holders, IdentityChanges changes, Blocks blocks, ClientEnds ends, DuplexityOptions options, ILogger<ForcedDisconnects> logger) : ISystemListener
{
    /// <summary>How much of a reason the disconnected are told, in characters.</summary>
    private const int ReasonLength = 256;

    /// <inheritdoc/>
    public string Kind => "disconnect";

    /// <summary>A client falls off all connections, and its sessions end. Counts the sockets that it was on.</summary>
    /// <param name="client">The CID.</param>
    /// <param name="reason">What the disconnected are told; null: a sentence of ours.</param>
    /// <param name="block">For how long the client is kept away; zero: not at all.</param>
    /// <param name="by">Who does it, for the log.</param>
    /// <param name="waitsForAll">Whether to wait for every node, and not for <see cref="TimeOptions.Confirm"/> only.</param>
    /// <param name="ct">Ends the waiting.</param>
    public async Task<Told> CloseAsync(string client, string? reason, TimeSpan block, string by, bool waitsForAll = false, CancellationToken ct = default)
    {
        Audit($"client:{client}", by, block);
        var order = new Order(client, null, reason, TimeSpan.Zero);
        try
        {
            if (block > TimeSpan.Zero)
            {
                await blocks.KeepAwayAsync(client, null, block);
            }
        }
        catch
        {
            // That it is kept away could not be written, which the caller is told; that is no reason to leave it here.
            await TellAsync(order, waitsForAll, ct);
            throw;
        }

        return await TellAsync(order, waitsForAll, ct);
    }

    /// <summary>A client falls off one socket; other clients on it stay. Its session is kept away, and ends.</summary>
    public Task<Told> TakeOffAsync(string socketId, string client, string? reason, TimeSpan block, string by)
    {
        Audit($"client:{client} on socket:{socketId}", by, block);
        return TellAsync(new(client, socketId, reason, block), waitsForAll: false, default);
    }

    /// <summary>A socket is closed with all clients on it. The sessions that it was part of are kept away.</summary>
    public Task<Told> CloseSocketAsync(string socketId, string? reason, TimeSpan block, string by, bool waitsForAll = false, CancellationToken ct = default)
    {
        Audit($"socket:{socketId}", by, block);
        return TellAsync(new(null, socketId, reason, block), waitsForAll, ct);
    }

    /// <inheritdoc/>
    public async ValueTask<int> HearAsync(string text)
    {
        var order = JsonSerializer.Deserialize<Order>(text)!;
        return order.SocketId is not null ? await CloseSocketAsync(order) : await CloseClientAsync(order.Client!, Told(order.Reason));
    }

    /// <inheritdoc/>
    public async ValueTask RereadAsync()
    {
        // An order that was missed is gone; that its client is kept away is written, and who is kept away and here has missed it.
        await blocks.RereadAsync();
        foreach (var client in holders.All.SelectMany(h => h.Identities.Clients).Concat(sessions.All.Select(s => s.Client)).Distinct().Where(c => blocks.Find(c, null) is not null).ToArray())
        {
            await CloseClientAsync(client, Told(null));
        }
    }

    private static string Told(string? reason) =>
        string.IsNullOrWhiteSpace(reason) ? "Disconnected by the operator or by the client itself." : VisibleText.Of(reason, ReasonLength);

    private async Task<Told> TellAsync(Order order, bool waitsForAll, CancellationToken ct) =>
        await engine.SystemLog.TellAsync(Kind, JsonSerializer.Serialize(order), waitsForAll ? null : options.Times.Confirm, ct);

    private async Task<int> CloseClientAsync(string client, string reason)
    {
        var hit = sockets.OfClient(client).Count;
        foreach (var holder in holders.All)
        {
            await changes.EndAsync(holder, client, IdentityChange.Dropped, Errors.ForcedOut, reason);
        }

        foreach (var session in sessions.OfClient(client))
        {
            await sessions.EndAsync(session);
        }

        ends.Tell(client);
        return hit;
    }

    private async Task<int> CloseSocketAsync(Order order)
    {
        if (sockets.Find(order.SocketId!) is not { } socket)
        {
            return 0;
        }

        // All blocks before the first end: whoever is told of it comes back at once.
        var clients = socket.Identities.Clients.Where(c => order.Client is null || c == order.Client).ToArray();
        if (socket.SessionId is { } session && order.Block > TimeSpan.Zero)
        {
            foreach (var client in clients)
            {
                await blocks.KeepAwayAsync(client, session, order.Block);
            }
        }

        var hasEnded = false;
        foreach (var client in clients)
        {
            hasEnded |= await changes.EndAsync(socket, client, IdentityChange.Dropped, Errors.ForcedOut, Told(order.Reason));
        }

        return hasEnded ? 1 : 0;
    }

    private void Audit(string target, string by, TimeSpan block) =>
        logger.ForcedDisconnect(VisibleText.Of(target, VisibleText.LogLength), VisibleText.Of(by, VisibleText.LogLength), (long)block.TotalSeconds);

    /// <summary>What all nodes are told.</summary>
    /// <param name="Client">Who is to fall off; null: everybody on the socket.</param>
    /// <param name="SocketId">Off which socket; null: off all, and its sessions end.</param>
    /// <param name="Reason">What they are told.</param>
    /// <param name="Block">For how long the socket's session is kept away.</param>
    private sealed record Order(string? Client, string? SocketId, string? Reason, TimeSpan Block);
}
