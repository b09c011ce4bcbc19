using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Closes sockets and sessions of a client against its will, and keeps it away for a time (G21). What it sends after the answer is not taken; what was stored before is delivered to others.
/// Idempotent; thread-safe.
/// </summary>
internal sealed class ForcedDisconnects(SocketIndex sockets, Sessions sessions, IdentityHolders holders, IdentityChanges changes, Standing standing, ILogger<ForcedDisconnects> logger)
{
    /// <summary>How much of a reason the disconnected are told, in characters.</summary>
    private const int ReasonLength = 256;

    /// <summary>A client falls off all connections, and its sessions end. Returns how many sockets it was on.</summary>
    /// <param name="client">The CID.</param>
    /// <param name="reason">What the disconnected are told; null: a sentence of ours.</param>
    /// <param name="block">For how long the client is kept away; zero: not at all.</param>
    /// <param name="by">Who does it, for the log.</param>
    public async Task<int> CloseAsync(string client, string? reason, TimeSpan block, string by)
    {
        Audit($"client:{client}", by, block);
        if (block > TimeSpan.Zero)
        {
            standing.KeepAway(client, null, block);
        }

        var hit = sockets.OfClient(client);
        foreach (var holder in holders.All)
        {
            await changes.EndAsync(holder, client, IdentityChange.Dropped, Errors.ForcedOut, Told(reason));
        }

        foreach (var session in sessions.OfClient(client))
        {
            await sessions.EndAsync(session);
        }

        return hit.Count;
    }

    /// <summary>A client falls off one socket; other clients on it stay. Its session is kept away, and ends.</summary>
    public async Task<int> TakeOffAsync(Socket socket, string client, string? reason, TimeSpan block, string by)
    {
        Audit($"client:{client} on socket:{socket.Id}", by, block);
        KeepAway(socket, client, block);
        return await changes.EndAsync(socket, client, IdentityChange.Dropped, Errors.ForcedOut, Told(reason)) ? 1 : 0;
    }

    /// <summary>A socket is closed with all clients on it. The sessions that it was part of are kept away.</summary>
    public async Task<int> CloseAsync(Socket socket, string? reason, TimeSpan block, string by)
    {
        Audit($"socket:{socket.Id}", by, block);
        foreach (var client in socket.Identities.Clients)
        {
            KeepAway(socket, client, block);
        }

        foreach (var client in socket.Identities.Clients)
        {
            await changes.EndAsync(socket, client, IdentityChange.Dropped, Errors.ForcedOut, Told(reason));
        }

        return 1;
    }

    private static string Told(string? reason) =>
        string.IsNullOrWhiteSpace(reason) ? "Disconnected by the operator or by the client itself." : VisibleText.Of(reason, ReasonLength);

    private void KeepAway(Socket socket, string client, TimeSpan block)
    {
        if (socket.SessionId is { } session && block > TimeSpan.Zero)
        {
            standing.KeepAway(client, session, block);
        }
    }

    private void Audit(string target, string by, TimeSpan block) =>
        logger.ForcedDisconnect(VisibleText.Of(target, VisibleText.LogLength), VisibleText.Of(by, VisibleText.LogLength), (long)block.TotalSeconds);
}
