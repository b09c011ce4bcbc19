using System.Net;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>One rule of who may visit a pipe. It knows nothing of the others: one that lets a visitor in is enough. Immutable.</summary>
internal interface IVisitorGate
{
    /// <summary>Whether it lets a visitor in.</summary>
    ValueTask<bool> LetsAsync(Visitor visitor, PipeEntry entry, CancellationToken ct) => new(StillLets(visitor, entry));

    /// <summary>Whether it would let one in again that it has let in: asked while that one is served, and quick.</summary>
    bool StillLets(Visitor visitor, PipeEntry entry);

    /// <summary>Whether it would let in somebody who is served by the word of <paramref name="before"/>, a gate of what the pipe was. Nothing is read of the request, and quick.</summary>
    bool WouldLet(Visitor visitor, PipeEntry entry, IVisitorGate? before) => StillLets(visitor, entry);
}

/// <summary><c>public</c>.</summary>
internal sealed class PublicGate : IVisitorGate
{
    public bool StillLets(Visitor visitor, PipeEntry entry) => true;
}

/// <summary><c>ip:NETWORK</c>.</summary>
internal sealed class AddressGate(IPNetwork network) : IVisitorGate
{
    public bool StillLets(Visitor visitor, PipeEntry entry) => Contains(visitor.Address);

    public bool Contains(IPAddress address) => network.Contains(address);
}

/// <summary><c>signed-in</c>, <c>client:PATTERN</c>.</summary>
internal sealed class ClientGate(string pattern) : IVisitorGate
{
    public bool StillLets(Visitor visitor, PipeEntry entry) => visitor.Identity is { } identity && Pattern.Matches(pattern, identity.Client);
}

/// <summary><c>bearer</c> with no rule beside it that says whose tokens: anybody's of this service.</summary>
internal sealed class BearerGate : IVisitorGate
{
    public bool StillLets(Visitor visitor, PipeEntry entry) => visitor is { IsByToken: true, Identity: not null };
}

/// <summary><c>room:NAME</c>, <c>lockspace:NAME</c>: whoever may join it. Who may is in as soon as it wants to be, so that asking who is there just now would keep nobody out.</summary>
internal sealed class MemberGate(Address channel, IVisitorIdentities identities) : IVisitorGate
{
    public bool StillLets(Visitor visitor, PipeEntry entry) => visitor.Identity is { } identity && identities.MayJoin(identity, channel);
}

/// <summary><c>basic:USER</c>.</summary>
internal sealed class BasicGate(string user, string hash, Passwords passwords) : IVisitorGate
{
    public async ValueTask<bool> LetsAsync(Visitor visitor, PipeEntry entry, CancellationToken ct)
    {
        if (visitor.Basic() is not var (name, password) || name != user || !await passwords.FitAsync(hash, password, ct))
        {
            return false;
        }

        visitor.User = user;
        visitor.TakeAuthorization();
        return true;
    }

    public bool StillLets(Visitor visitor, PipeEntry entry) => visitor.User == user;

    // A password that stays has its hash again (VisitorRules.Settled); to check those of all who are served would take minutes of a node.
    public bool WouldLet(Visitor visitor, PipeEntry entry, IVisitorGate? before) => before is BasicGate same && same.Is(user, hash);

    private bool Is(string otherUser, string otherHash) => (user, hash) == (otherUser, otherHash);
}

/// <summary><c>link</c>: who came by a link of the owner's.</summary>
internal sealed class LinkGate(TimeProvider time) : IVisitorGate
{
    public bool StillLets(Visitor visitor, PipeEntry entry) => visitor.Link is { } link && link.Until > time.GetUtcNow() && link.Covers(visitor.Method, visitor.Target);
}

/// <summary>Whom the owner has given a grant: beside the rules of every pipe that is not public, and with <c>granted</c> alone.</summary>
internal sealed class GrantGate(VisitGrants grants) : IVisitorGate
{
    public bool StillLets(Visitor visitor, PipeEntry entry) => visitor.Identity is { } identity && grants.Covers(entry, identity.Client, visitor.Method, visitor.Target);
}
