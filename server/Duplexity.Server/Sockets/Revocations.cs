using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Ends tokens before their time (G8). When a call returns, the record is written, and on each node that <see cref="Told"/> does not count as pending every connection has lost the client, its pipes are closed, and no delivery, send or carrier byte
/// begins for it any more; what the transport had taken by then is out of reach. Calls wait for <see cref="TimeOptions.Confirm"/>, or for every node. Thread-safe.
/// </summary>
internal sealed class Revocations(
    IEngine engine, Standing standing, IdentityHolders holders, Sessions sessions, IdentityChanges changes, ClientEnds ends, DuplexityOptions options, Metrics metrics, ILogger<Revocations> logger) : ISystemListener
{
    /// <inheritdoc/>
    public string Kind => "standing";

    /// <summary>All tokens of a client up to <paramref name="before"/> (null: now).</summary>
    public async Task<Told> RevokeClientAsync(string client, DateTimeOffset? before, CancellationToken ct, bool waitsForAll = false)
    {
        var told = await TellAsync(standing.RevokeClientAsync(client, before ?? standing.GivenNow(client), ct), waitsForAll, ct);
        if (before is null)
        {
            // Those of sockets that were lost before; the others fell with their sockets.
            await engine.Locks.DropAsync(client, null, ct);
        }

        return told;
    }

    /// <summary>One token by its <c>jti</c>; <paramref name="expiresAt"/> is when it would have ended, null where that is not known.</summary>
    public async Task<Told> RevokeTokenAsync(string tokenId, DateTimeOffset? expiresAt, CancellationToken ct, bool waitsForAll = false) =>
        await TellAsync(standing.RevokeTokenAsync(tokenId, expiresAt, ct), waitsForAll, ct);

    /// <summary>All tokens that were made for an API key or by a sign-in.</summary>
    public async Task<Told> RevokeKeyAsync(string keyId, CancellationToken ct) => await TellAsync(standing.RevokeKeyAsync(keyId, ct), waitsForAll: false, ct);

    /// <summary>Forbids a client everything until it is enabled again.</summary>
    public async Task<Told> DisableAsync(string client, CancellationToken ct, bool waitsForAll = false)
    {
        var told = await TellAsync(standing.DisableClientAsync(client, isDisabled: true, ct), waitsForAll, ct);
        await engine.Locks.DropAsync(client, null, ct);
        return told;
    }

    /// <summary>Allows a client to come back, with new tokens.</summary>
    public async Task<Told> EnableAsync(string client, CancellationToken ct, bool waitsForAll = false) =>
        await TellAsync(standing.DisableClientAsync(client, isDisabled: false, ct), waitsForAll, ct);

    /// <summary>Gives a client its tombstone and takes it off everywhere: the first part of <see cref="Removals"/>, which is what to call.</summary>
    public async Task<Told> RemoveAsync(string client, CancellationToken ct, bool waitsForAll = false) => await TellAsync(standing.RemoveClientAsync(client, ct), waitsForAll, ct);

    /// <inheritdoc/>
    public async ValueTask<int> HearAsync(string text)
    {
        var change = StandingChange.Read(text);
        await standing.HearAsync(change);
        metrics.Revoked(change.What switch { StandingChange.Client => "client", StandingChange.Tombstone => "removed", StandingChange.Token => "token", _ => "key" });
        var client = VisibleText.Of(change.Key, VisibleText.LogLength);
        return change.What switch
        {
            StandingChange.Client when standing.IsOut(change.Key) => await EnforceAsync($"client {client}, disabled", "It was disabled."),
            StandingChange.Client => await EnforceAsync($"client {client}", "Its tokens were revoked."),
            StandingChange.Tombstone => await EnforceAsync($"client {client}, removed", "It was removed."),
            StandingChange.Token => await EnforceAsync("one token", "Its token was revoked."),
            _ => await EnforceAsync("one key or sign-in", "The key or sign-in that its token is from was revoked."),
        };
    }

    /// <inheritdoc/>
    public async ValueTask RereadAsync()
    {
        await standing.ReadAllAsync(default);
        await EnforceAsync("what was revoked meanwhile", "It was revoked.");
    }

    private async Task<Told> TellAsync(Task<StandingChange> written, bool waitsForAll, CancellationToken ct)
    {
        StandingChange change;
        try
        {
            change = await written;
        }
        catch
        {
            // It could not be written, which the caller is told; it is in force in memory, and here at least nobody goes on.
            await EnforceAsync("what could not be written", "It was revoked.");
            throw;
        }

        return await engine.SystemLog.TellAsync(Kind, change.ToString(), waitsForAll ? null : options.Times.Confirm, ct);
    }

    private async Task<int> EnforceAsync(string what, string reason)
    {
        var count = 0;
        foreach (var holder in holders.All)
        {
            foreach (var held in holder.Identities.All)
            {
                if (standing.Problem(held.Identity) is not null && await changes.EndAsync(holder, held.Client, IdentityChange.Revoked, Errors.Revoked, reason))
                {
                    count++;
                }
            }
        }

        // A session in its grace has no connection, and so no holder that could have lost the client.
        foreach (var session in sessions.All)
        {
            if (session is { Link: null, Identity: { } identity } && standing.Problem(identity) is not null)
            {
                await sessions.EndAsync(session, isCut: true);
            }
        }

        ends.Tell(null);
        logger.Revoked(what, count);
        return count;
    }
}
