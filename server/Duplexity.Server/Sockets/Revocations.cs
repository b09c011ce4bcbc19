using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Ends tokens before their time (G8). When a call returns, the record is written, every connection of this node has lost the client, its pipes are closed, and no delivery,
/// send or carrier byte begins for it any more; what the transport had taken by then is out of reach. Thread-safe.
/// </summary>
internal sealed class Revocations(IEngine engine, Standing standing, IdentityHolders holders, Sessions sessions, IdentityChanges changes, ILogger<Revocations> logger)
{
    /// <summary>All tokens of a client up to <paramref name="before"/> (null: now). Returns how many connections lost it.</summary>
    public async Task<int> RevokeClientAsync(string client, DateTimeOffset? before, CancellationToken ct)
    {
        await standing.RevokeClientAsync(client, before ?? standing.GivenNow(client), ct);
        var count = await EnforceAsync($"client {VisibleText.Of(client, VisibleText.LogLength)}", "Its tokens were revoked.");
        if (before is null)
        {
            // Those of sockets that were lost before; the others fell with their sockets.
            await engine.Locks.DropAsync(client, null, ct);
        }

        return count;
    }

    /// <summary>One token by its <c>jti</c>; <paramref name="expiresAt"/> is when it would have ended, null where that is not known.</summary>
    public async Task<int> RevokeTokenAsync(string tokenId, DateTimeOffset? expiresAt, CancellationToken ct)
    {
        await standing.RevokeTokenAsync(tokenId, expiresAt, ct);
        return await EnforceAsync("one token", "Its token was revoked.");
    }

    /// <summary>All tokens that were made for an API key or by a sign-in.</summary>
    public async Task<int> RevokeKeyAsync(string keyId, CancellationToken ct)
    {
        await standing.RevokeKeyAsync(keyId, ct);
        return await EnforceAsync("one key or sign-in", "The key or sign-in that its token is from was revoked.");
    }

    /// <summary>Forbids a client everything until it is enabled again.</summary>
    public async Task<int> DisableAsync(string client, CancellationToken ct)
    {
        await standing.DisableClientAsync(client, isDisabled: true, ct);
        var count = await EnforceAsync($"client {VisibleText.Of(client, VisibleText.LogLength)}, disabled", "It was disabled.");
        await engine.Locks.DropAsync(client, null, ct);
        return count;
    }

    /// <summary>Allows a client to come back, with new tokens.</summary>
    public ValueTask EnableAsync(string client, CancellationToken ct) => standing.DisableClientAsync(client, isDisabled: false, ct);

    /// <summary>Takes a client off everywhere that has its tombstone already: the middle part of <see cref="Removals"/>, which is what to call.</summary>
    public Task<int> EnforceRemovalAsync(string client) => EnforceAsync($"client {VisibleText.Of(client, VisibleText.LogLength)}, removed", "It was removed.");

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

        logger.Revoked(what, count);
        return count;
    }
}
