using System.Collections.Concurrent;
using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>The gates of one pipe, and by which ways a visitor may come to one of them. Immutable.</summary>
internal sealed class PipeGates(IReadOnlyList<VisitorRule> rules, IVisitorGate[] gates)
{
    public IVisitorGate[] All => gates;

    public bool IsPublic { get; } = rules.Any(r => r.Kind == VisitorRule.Public);

    /// <summary>Whether the Authorization header may be a token or a key for the front.</summary>
    public bool TakesBearer { get; } = rules.Any(r => r.Kind == VisitorRule.Bearer);

    /// <summary>Whether it may be a password for the front.</summary>
    public bool TakesBasic { get; } = rules.Any(r => r.Kind == VisitorRule.Basic);

    public bool TakesLinks { get; } = rules.Any(r => r.Kind == VisitorRule.Link);

    /// <summary>Whether a person who signs in may be let in.</summary>
    public bool TakesSignIn { get; } = rules.Any(r => r.Kind is VisitorRule.SignedIn or VisitorRule.Client or VisitorRule.Room or VisitorRule.Lockspace or VisitorRule.Granted);

    /// <summary>Those that an address alone passes, all that a front can ask. A node says the rules of each pipe; what says nothing, or what cannot be read, lets nobody in.</summary>
    public static PipeGates ByAddress(string? text) => VisitorRule.TryRead(text ?? "", out var rules, out _)
        ? new(rules, [.. rules.Where(r => r.Kind == VisitorRule.Ip).Select(r => new AddressGate(IPNetwork.Parse(r.Value)))])
        : new([], []);

    /// <summary>Whether an address alone is let in: all that a TCP port sees of its visitors.</summary>
    public bool Lets(IPAddress address) => IsPublic || gates.OfType<AddressGate>().Any(g => g.Contains(address));
}

/// <summary>Reads what registrations say of their visitors, checks it, and makes gates of it. Thread-safe.</summary>
internal sealed class VisitorRules(IOptions<DuplexityOptions> options, Passwords passwords, VisitGrants grants, TimeProvider time, IVisitorIdentities? identities = null)
{
    /// <summary>How many are remembered; then all are forgotten, and read again.</summary>
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<string, PipeGates> _read = new(StringComparer.Ordinal);

    /// <summary>What is wrong with what a registration says; null: nothing.</summary>
    /// <param name="pipe">The registration.</param>
    /// <param name="isRaw">Whether its bytes are passed on unread: a TCP port, or TLS that ends at the resource.</param>
    public DuplexityError? Problem(PipeRegistration pipe, bool isRaw)
    {
        if (!VisitorRule.TryRead(TextOf(pipe), out var rules, out var problem))
        {
            return DuplexityError.Of(Errors.InvalidPipe, $"visitors: {problem}.");
        }

        if (!options.Value.Pipes.MayBePublic && rules.Any(r => r.Kind == VisitorRule.Public))
        {
            return DuplexityError.Of(Errors.Denied, "This server lets no pipe be public (Duplexity:Pipes:MayBePublic); say who may visit, such as signed-in.") with { Gate = "visitors" };
        }

        return isRaw && Array.Find(rules, r => !r.IsByAddress) is { } other
            ? DuplexityError.Of(Errors.InvalidPipe, $"visitors: a TCP port, or TLS that ends at the resource, shows nothing of its visitors but their addresses, so {other.Kind} keeps nobody out there; use public or ip:NETWORK.")
            : VisitorAllotments.Problem(pipe.Limits);
    }

    /// <summary>Whether one of a registration's rules has a password.</summary>
    public bool HasPassword(PipeRegistration pipe) => VisitorRule.TryRead(TextOf(pipe), out var rules, out _) && rules.Any(r => r.Kind == VisitorRule.Basic);

    /// <summary>A registration as it is kept: what was left out is said, and passwords are hashes; those of <paramref name="before"/>, where they fit. What cannot be read stays as it is.</summary>
    public PipeRegistration Settled(PipeRegistration pipe, PipeRegistration? before)
    {
        if (!VisitorRule.TryRead(TextOf(pipe), out var rules, out _))
        {
            return pipe;
        }

        var old = before is not null && VisitorRule.TryRead(TextOf(before), out var read, out _) ? read : [];
        return pipe with { Visitors = string.Join(',', rules.Select(r => r.Kind == VisitorRule.Basic ? r with { Secret = HashOf(r) } : r)) };

        string HashOf(VisitorRule rule) => Array.Find(old, o => o.Kind == VisitorRule.Basic && o.Value == rule.Value && PasswordHash.Fits(o.Secret, rule.Secret))?.Secret ?? PasswordHash.Of(rule.Secret);
    }

    /// <summary>The gates of a registered pipe.</summary>
    public PipeGates Of(PipeEntry entry)
    {
        var text = TextOf(entry.Settings);
        if (_read.TryGetValue(text, out var read))
        {
            return read;
        }

        if (_read.Count >= Most)
        {
            _read.Clear();
        }

        // What a node of another version wrote and this one cannot read lets nobody in.
        return _read[text] = VisitorRule.TryRead(text, out var rules, out _) ? GatesOf(rules) : new([], []);
    }

    private string TextOf(PipeRegistration pipe) => pipe.Visitors ?? options.Value.Pipes.Visitors;

    private PipeGates GatesOf(VisitorRule[] rules)
    {
        var named = rules.Any(r => r.Kind is VisitorRule.SignedIn or VisitorRule.Client or VisitorRule.Room or VisitorRule.Lockspace or VisitorRule.Granted);
        return new(rules, [.. rules.Select(r => GateOf(r, named)).OfType<IVisitorGate>(), new GrantGate(grants)]);
    }

    private IVisitorGate? GateOf(VisitorRule rule, bool saysWhoseTokens) => rule.Kind switch
    {
        VisitorRule.Public => new PublicGate(),
        VisitorRule.SignedIn => new ClientGate("*"),
        VisitorRule.Client => new ClientGate(rule.Value),
        VisitorRule.Room or VisitorRule.Lockspace => new MemberGate(Address.Parse($"{rule.Kind}:{rule.Value}", null), identities!),
        VisitorRule.Basic => new BasicGate(rule.Value, rule.Secret, passwords),
        VisitorRule.Ip => new AddressGate(IPNetwork.Parse(rule.Value)),
        VisitorRule.Link => new LinkGate(time),
        VisitorRule.Bearer => saysWhoseTokens ? null : new BearerGate(),
        _ => null, // granted: those of the grants alone
    };
}

/// <summary>Refuses to start with a default for visitors that no pipe could have.</summary>
internal sealed class VisitorOptionsCheck : IValidateOptions<DuplexityOptions>
{
    public ValidateOptionsResult Validate(string? name, DuplexityOptions options) =>
        !VisitorRule.TryRead(options.Pipes.Visitors, out var rules, out var problem) ? ValidateOptionsResult.Fail($"Duplexity:Pipes:Visitors: {problem}.")
        : rules.Any(r => r.Kind == VisitorRule.Basic) ? ValidateOptionsResult.Fail("Duplexity:Pipes:Visitors: a password for everybody's pipes is none; leave basic: to the pipes.")
        : !options.Pipes.MayBePublic && rules.Any(r => r.Kind == VisitorRule.Public) ? ValidateOptionsResult.Fail("Duplexity:Pipes:MayBePublic is false: set Duplexity:Pipes:Visitors to what a pipe is that says nothing, such as signed-in.")
        : ValidateOptionsResult.Success;
}
