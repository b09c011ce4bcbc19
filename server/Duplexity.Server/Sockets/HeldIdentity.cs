using System.Security.Claims;
using Duplexity.Protocol;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>A client on one connection, or of one request without any: its identity, what it may do from there, and what it has used of that. Thread-safe.</summary>
internal sealed class HeldIdentity
{
    private readonly Lock _lock = new();
    private volatile Identity _identity;
    private volatile AllowanceRules _rules;
    private Allowances? _narrowed;

    /// <param name="identity">Who it is.</param>
    /// <param name="meter">What is used already, where it outlives this connection; null: nothing.</param>
    public HeldIdentity(Identity identity, Meter? meter = null)
    {
        Meter = meter ?? new();
        _identity = identity;
        _rules = new(identity.Allowances);
    }

    public string Client => _identity.Client;

    /// <summary>Whether the application itself acts, in its own process: what is the operator's to allow, it need not ask for.</summary>
    public bool IsServer { get; private init; }

    /// <summary>As its newest token says.</summary>
    public Identity Identity => _identity;

    /// <summary>What it may do from here, the owner's narrowing counted in.</summary>
    public AllowanceRules Rules => _rules;

    public Meter Meter { get; }

    /// <summary>Whether to forget it would give nothing back: nothing of a rate is used, and nothing was narrowed.</summary>
    public bool IsBlank => _narrowed is null && Meter.Use(_rules) is (0, 0);

    /// <summary>Whether it was told that this token ends soon.</summary>
    public bool WasWarned { get; set; }

    /// <summary>The application itself, acting as a client.</summary>
    public static HeldIdentity OfApplication(string client) => new(new Identity(client, null, "", null, new ClaimsPrincipal()) { Allowances = AllowanceSets.Everything }) { IsServer = true };

    /// <summary>A newer token of the same client. What was used stays used, and what was narrowed stays narrowed. True when it may do other things than before.</summary>
    public bool Renew(Identity identity)
    {
        lock (_lock)
        {
            WasWarned = false;
            _identity = identity;
            return Apply();
        }
    }

    /// <summary>Takes away what <paramref name="narrowed"/> leaves out, in the place of what was taken away before. True when it may do other things than before.</summary>
    public bool Narrow(Allowances? narrowed)
    {
        lock (_lock)
        {
            _narrowed = narrowed;
            return Apply();
        }
    }

    /// <summary>As the pipes see it, sending from a socket; null: from none.</summary>
    public Sender SenderFrom(string? socketId, SendLine? line = null) => new()
    {
        Client = Client,
        SocketId = socketId,
        IsServer = IsServer,
        ExpiresAt = _identity.ExpiresAt,
        Principal = _identity.Principal,
        IssuedAt = _identity.IssuedAt,
        Line = line,
        Rules = _rules,
        Meter = Meter,
    };

    /// <summary>As its owner sees it.</summary>
    public IdentityInfo Info(bool isPrimary) =>
        new() { Client = Client, ExpiresAt = _identity.ExpiresAt?.ToUnixTimeMilliseconds(), IsPrimary = isPrimary, Allowances = _rules.Shown };

    private bool Apply()
    {
        var rules = new AllowanceRules(_identity.Allowances).Narrow(_narrowed);
        var before = _rules;
        _rules = rules;
        return !Same(before.Shown, rules.Shown);
    }

    private static bool Same(Allowances one, Allowances other) =>
        one.Limits == other.Limits && Same(one.Send, other.Send) && Same(one.Receive, other.Receive) && Same(one.Join, other.Join)
        && Same(one.Publish, other.Publish) && Same(one.Administer, other.Administer);

    private static bool Same(string[]? one, string[]? other) => one is null || other is null ? one is null == other is null : one.AsSpan().SequenceEqual(other);
}
