using System.Runtime.CompilerServices;
using System.Security.Claims;
using Duplexity.Server.Pipes;
using Duplexity.Server.Pipes.Cooked;

namespace Duplexity.Server.Sockets;

/// <summary>
/// How owners of message pipes stand: by the token with which a pipe was set, or a newer one of the same issuer and sign-in (or key) with which they are here now. A pipe outlives its token's end, not its
/// revocation. Thread-safe.
/// </summary>
internal sealed class PipeOwners(SocketIndex sockets, Standing standing, JoinGates gates) : IPipeOwners
{
    /// <summary>Claims that are written down with a pipe: more than gates ask for.</summary>
    private const int MostClaims = 64;

    private const int LongestClaim = 1024;

    // One for each grant: answers of gates are kept for a principal.
    private readonly ConditionalWeakTable<PipeGrant, ClaimsPrincipal> _principals = [];

    /// <inheritdoc/>
    public (Sender Sender, PipeGrant Grant)? Find(string owner, PipeGrant grant)
    {
        Identity? newest = null;
        foreach (var socket in sockets.OfClient(owner))
        {
            if (socket.Identities.Find(owner)?.Identity is { } held && held.KeyId == grant.KeyId && held.Issuer == grant.Issuer && held.IssuedAt >= (newest?.IssuedAt ?? grant.IssuedAt)
                && (newest is null || held.IssuedAt > newest.IssuedAt || held.TokenId == grant.TokenId))
            {
                newest = held;
            }
        }

        // Of several of one second its own stays, as long as it is here: they would take turns, each with a write.
        if (newest is not null && newest.TokenId != grant.TokenId)
        {
            grant = GrantOf(newest);
        }

        var identity = IdentityOf(owner, grant);
        return standing.Problem(identity) is null ? (new HeldIdentity(identity).SenderFrom(null) with { Against = () => standing.Problem(identity) is null ? null : IdentityChanges.Refused() }, grant) : null;
    }

    /// <inheritdoc/>
    public DuplexityError? MayRead(string owner, PipeGrant grant, Address channel) =>
        gates.Read(channel.ToString(), new HeldIdentity(IdentityOf(owner, grant)), isRead: true, out _);

    /// <summary>What a token gives to the pipes that are set with it.</summary>
    public static PipeGrant GrantOf(Identity identity) => new()
    {
        Allowances = identity.Allowances,
        IssuedAt = identity.IssuedAt,
        Issuer = identity.Issuer,
        TokenId = identity.TokenId,
        KeyId = identity.KeyId,
        Claims = [.. identity.Principal.Claims.Where(c => c.Value.Length <= LongestClaim).Take(MostClaims).Select(c => KeyValuePair.Create(c.Type, c.Value))],
    };

    private Identity IdentityOf(string owner, PipeGrant grant)
    {
        var principal = _principals.GetValue(grant, g => new ClaimsPrincipal(new ClaimsIdentity(g.Claims.Select(c => new Claim(c.Key, c.Value)), "duplexity", "sub", "role")));
        return new Identity(owner, null, grant.Issuer ?? "", grant.TokenId, principal) { IssuedAt = grant.IssuedAt, KeyId = grant.KeyId, Allowances = grant.Allowances };
    }
}

/// <summary>The message pipes of a client go with it.</summary>
internal sealed class PipeBelongings(MessagePipes pipes) : IBelongings
{
    public async ValueTask RemoveAsync(string client, CancellationToken ct) => await pipes.RemoveAsync(client, null, ct);
}
