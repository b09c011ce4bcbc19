using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Sockets;

/// <summary>
/// What can happen to the clients of a connection: one is added, renewed, made the primary one, dropped; its time comes, or it is revoked. Each ends, with that
/// client, what it had there; the last one takes the connection with it. Thread-safe.
/// </summary>
internal sealed class IdentityChanges(Standing standing, DuplexityOptions options, Metrics metrics, ILogger<IdentityChanges> logger)
{
    /// <summary>Adds a verified client, or renews it where it is held.</summary>
    public async Task<IdentityResponse> AddAsync(IIdentityHolder holder, Identity identity)
    {
        await holder.Identities.WhenLeftAsync(identity.Client);
        if (holder.Identities.Find(identity.Client) is { } there)
        {
            return await RenewAsync(holder, there, identity);
        }

        if (holder.Identities.Add(identity, options.Limits.IdentitiesPerSocket) is not { } held)
        {
            var used = holder.Identities.All.Length;
            var sentence = used >= options.Limits.IdentitiesPerSocket
                ? $"A connection holds at most {options.Limits.IdentitiesPerSocket} identities; drop one first."
                : "Too many clients have used up their rates on this connection and left it; wait until they have freed, or open another connection.";
            return new() { Error = DuplexityError.Of(Errors.TooManyIdentities, sentence) with { Limit = "identities_per_socket", Used = used } };
        }

        if (await holder.AdmitAsync(held) is { } refused)
        {
            if (holder.Identities.Take(held.Client) is not null)
            {
                await LetGoAsync(holder, held.Client, IdentityChange.Dropped);
            }

            return new() { Error = refused };
        }

        if (await EndIfRevokedAsync(holder, identity))
        {
            return new() { Error = Refused() };
        }

        Tell(holder, held.Client, IdentityChange.Added, null);
        return new() { Identity = Info(holder, held) };
    }

    /// <summary>Renews a client that is held.</summary>
    public async Task<IdentityResponse> RefreshAsync(IIdentityHolder holder, Identity identity) => holder.Identities.Find(identity.Client) is { } held
        ? await RenewAsync(holder, held, identity)
        : new() { Error = NotHeld(identity.Client) };

    /// <summary>Takes a client off at its own wish.</summary>
    public async Task<Done> DropAsync(IIdentityHolder holder, string? client)
    {
        if (client is null || !await EndAsync(holder, client, IdentityChange.Dropped, Errors.Goodbye, "The connection dropped its last identity.", isAsked: true))
        {
            return new() { Error = NotHeld(client) };
        }

        return new();
    }

    /// <summary>Makes a client the one that requests without <c>as</c> act as.</summary>
    public Done MakePrimary(IIdentityHolder holder, string? client)
    {
        if (client is null || !holder.Identities.MakePrimary(client))
        {
            return new() { Error = NotHeld(client) };
        }

        Tell(holder, client, IdentityChange.Primary, null);
        return new();
    }

    /// <summary>
    /// Takes a client off; false where it was not held. When it completes, nothing for it begins on that connection. The last one's end closes the connection with
    /// <paramref name="code"/>; where the client itself asked for it (<paramref name="isAsked"/>), behind the answer to that.
    /// </summary>
    public async Task<bool> EndAsync(IIdentityHolder holder, string client, string change, (int Code, string Name) code, string reason, bool isAsked = false)
    {
        if (holder.Identities.Take(client) is null)
        {
            return false;
        }

        if (change == IdentityChange.Revoked)
        {
            metrics.RevokedIdentity();
        }

        var isLast = holder.Identities.All.IsEmpty;
        if (isLast)
        {
            holder.End(code, reason, isAsked);
        }

        await LetGoAsync(holder, client, change);
        if (!isLast)
        {
            Tell(holder, client, change, reason);
        }

        logger.IdentityEnded(VisibleText.Of(client, VisibleText.LogLength), change);
        return true;
    }

    /// <summary>What time brings: who ends soon is told so, who has ended falls off, alone.</summary>
    public async Task SweepAsync(IIdentityHolder holder, DateTimeOffset now)
    {
        foreach (var held in holder.Identities.All)
        {
            if (held.Identity.ExpiresAt is not { } end)
            {
                continue;
            }

            if (end <= now)
            {
                await EndAsync(holder, held.Client, IdentityChange.Expired, Errors.IdentityExpired, "The token has expired; come back with a new one.");
            }
            else if (end - now <= options.Times.ReauthenticateMargin && !held.WasWarned)
            {
                held.WasWarned = true;
                holder.Tell(new ReauthenticateSoonEvent { Client = held.Client, ExpiresAt = end.ToUnixTimeMilliseconds() });
            }
        }
    }

    /// <summary>What is said of every token that is not good here, whatever is wrong with it.</summary>
    public static DuplexityError Refused() => DuplexityError.Of(Errors.TokenRefused, "The token was refused; get another one.");

    /// <summary>What is said about a client that the connection does not hold.</summary>
    public static DuplexityError NotHeld(string? client) =>
        DuplexityError.Of(Errors.IdentityNotHeld, $"This connection does not hold {VisibleText.Of(client ?? "nobody", Address.MaxClientLength)}; add it with Authenticate.");

    /// <summary>
    /// Takes an identity off again that was revoked, or forced out, while it was being taken on: that looks for those who hold the client, and this one may have come too late for it.
    /// </summary>
    public async Task<bool> EndIfRevokedAsync(IIdentityHolder holder, Identity identity) => standing.Problem(identity) is not null
        ? await EndAsync(holder, identity.Client, IdentityChange.Revoked, Errors.Revoked, "It was revoked.")
        : standing.Block(identity.Client, null) is { } block && await EndAsync(holder, identity.Client, IdentityChange.Dropped, Errors.ForcedOut, block.Sentence);

    private static async Task LetGoAsync(IIdentityHolder holder, string client, string change)
    {
        try
        {
            await holder.ReleaseAsync(client, change);
        }
        finally
        {
            holder.Identities.Left(client);
        }
    }

    private async Task<IdentityResponse> RenewAsync(IIdentityHolder holder, HeldIdentity held, Identity identity)
    {
        var isOther = held.Renew(identity);
        if (await EndIfRevokedAsync(holder, identity))
        {
            return new() { Error = Refused() };
        }

        Tell(holder, held.Client, IdentityChange.Refreshed, null);
        if (isOther)
        {
            holder.TellAllowances(held);
        }

        return new() { Identity = Info(holder, held) };
    }

    private static IdentityInfo Info(IIdentityHolder holder, HeldIdentity held) => held.Info(holder.Identities.All is [var first, ..] && first == held);

    private static void Tell(IIdentityHolder holder, string client, string change, string? reason) =>
        holder.Tell(new IdentitiesChangedEvent { Clients = holder.Identities.Clients, Client = client, Change = change, Reason = reason });
}
