using System.Collections.Concurrent;
using Duplexity.Protocol;

namespace Duplexity.Server.Sockets;

/// <summary>A connection of either hub, as far as it holds identities. Thread-safe.</summary>
internal interface IIdentityHolder
{
    HeldIdentities Identities { get; }

    /// <summary>The node where the connection came in and was handed on from; null: it came straight here.</summary>
    string? Via { get; }

    /// <summary>Makes room for what a client that was just added has here: its place in the indexes, what it hears without joining. An error: it may have no further connection.</summary>
    ValueTask<DuplexityError?> AdmitAsync(HeldIdentity identity);

    /// <summary>Ends what a client that was just taken off had here. When it completes, nothing for that client begins on this connection any more.</summary>
    /// <param name="client">The CID.</param>
    /// <param name="change">What happened, a word of <see cref="IdentityChange"/>: a revocation also cuts what is under way.</param>
    ValueTask ReleaseAsync(string client, string change);

    /// <summary>Tells the connection's other end that its identities have changed.</summary>
    void Tell(IdentitiesChangedEvent changed);

    /// <summary>Tells the connection's other end that an identity ends soon.</summary>
    void Tell(ReauthenticateSoonEvent soon);

    /// <summary>Tells the connection's other end that a client may do other things now.</summary>
    void TellAllowances(HeldIdentity identity);

    /// <summary>Tells the connection's other end to open anew.</summary>
    void Tell(DrainingEvent draining);

    /// <summary>Completes when the connection is through.</summary>
    Task Gone { get; }

    /// <summary>Says why, and ends the connection; <paramref name="isAsked"/>: behind the answer to the call that asked for it.</summary>
    void End((int Code, string Name) code, string reason, bool isAsked);
}

/// <summary>All connections of this node that hold identities. Thread-safe.</summary>
internal sealed class IdentityHolders
{
    private readonly ConcurrentDictionary<IIdentityHolder, byte> _holders = new();

    public ICollection<IIdentityHolder> All => _holders.Keys;

    public void Add(IIdentityHolder holder) => _holders[holder] = 0;

    public void Remove(IIdentityHolder holder) => _holders.TryRemove(holder, out _);
}
