using MessagePack;

namespace Duplexity.Protocol;

/// <summary>Adds the client of a further token to this open connection. The others stay as they are; a token that is refused changes nothing.</summary>
[MessagePackObject]
public sealed record AuthenticateRequest : Request
{
    /// <summary>An access token.</summary>
    [Key(1)]
    public string? Token { get; init; }
}

/// <summary>Renews a client that this connection holds, with a newer token of the same client.</summary>
[MessagePackObject]
public sealed record RefreshRequest : Request
{
    /// <summary>An access token of a client that is held already.</summary>
    [Key(1)]
    public string? Token { get; init; }
}

/// <summary>Takes a client off this connection, with all that it has there. The last one takes the connection with it.</summary>
[MessagePackObject]
public sealed record DropRequest : Request
{
    /// <summary>The CID.</summary>
    [Key(1)]
    public string? Client { get; init; }
}

/// <summary>Names the client that this connection acts as where a request names none.</summary>
[MessagePackObject]
public sealed record SetPrimaryRequest : Request
{
    /// <summary>The CID, one that is held.</summary>
    [Key(1)]
    public string? Client { get; init; }
}

/// <summary>Answers Authenticate and Refresh.</summary>
[MessagePackObject]
public sealed record IdentityResponse : Answer
{
    /// <summary>The identity as the connection holds it now.</summary>
    [Key(1)]
    public IdentityInfo? Identity { get; init; }
}

/// <summary>A client as a connection holds it.</summary>
[MessagePackObject]
public sealed record IdentityInfo
{
    /// <summary>The CID.</summary>
    [Key(0)]
    public string Client { get; init; } = "";

    /// <summary>When it falls off the connection unless it is refreshed, in milliseconds since 1970 UTC; absent: never.</summary>
    [Key(1)]
    public long? ExpiresAt { get; init; }

    /// <summary>Whether requests without <c>as</c> act as it.</summary>
    [Key(2)]
    public bool IsPrimary { get; init; }

    /// <summary>What it may do from here, everything counted in.</summary>
    [Key(3)]
    public Allowances Allowances { get; init; } = new();
}

/// <summary>The clients of this connection have changed.</summary>
[MessagePackObject]
public sealed record IdentitiesChangedEvent
{
    /// <summary>All clients that it holds now, the primary one first.</summary>
    [Key(0)]
    public string[] Clients { get; init; } = [];

    /// <summary>The one that changed.</summary>
    [Key(1)]
    public string Client { get; init; } = "";

    /// <summary>What happened to it, a word of <see cref="IdentityChange"/>.</summary>
    [Key(2)]
    public string Change { get; init; } = "";

    /// <summary>Why, where somebody said so.</summary>
    [Key(3)]
    public string? Reason { get; init; }
}

/// <summary>A client falls off this connection soon, unless it is refreshed.</summary>
[MessagePackObject]
public sealed record ReauthenticateSoonEvent
{
    /// <summary>The CID.</summary>
    [Key(0)]
    public string Client { get; init; } = "";

    /// <summary>When, in milliseconds since 1970 UTC.</summary>
    [Key(1)]
    public long ExpiresAt { get; init; }
}

/// <summary>What the acting client may do from here has changed.</summary>
[MessagePackObject]
public sealed record AllowancesChangedEvent
{
    /// <summary>The SOCK_ID.</summary>
    [Key(0)]
    public string SocketId { get; init; } = "";

    /// <summary>The CID.</summary>
    [Key(1)]
    public string Client { get; init; } = "";

    /// <summary>What it may do now.</summary>
    [Key(2)]
    public Allowances Allowances { get; init; } = new();
}

/// <summary>Begins to watch the sockets of the acting client (an administrator: of another one, or of all). Events come as SocketsChanged until the client leaves the connection or stops it. At most 16 watches of a client on a connection.</summary>
[MessagePackObject]
public sealed record WatchSocketsRequest : Request
{
    /// <summary>Whose: a CID, or <c>*</c> for all; absent: the acting client's own.</summary>
    [Key(1)]
    public string? Client { get; init; }

    /// <summary>Stops watching instead.</summary>
    [Key(2)]
    public bool? Stop { get; init; }

    /// <summary>The caller's own name for this watch, at most 128 characters, which its events repeat; the acting client's earlier watch of that name ends. Absent: the one without a name.</summary>
    [Key(3)]
    public string? Watch { get; init; }
}

/// <summary>What happened to watched sockets: at most one event a socket and quarter of a second.</summary>
[MessagePackObject]
public sealed record SocketsChangedEvent
{
    /// <summary>The changes, in order.</summary>
    [Key(0)]
    public SocketChange[] Changes { get; init; } = [];

    /// <summary>The name of the watch, as WatchSockets gave it.</summary>
    [Key(1)]
    public string? Watch { get; init; }
}

/// <summary>One change of one socket.</summary>
[MessagePackObject]
public sealed record SocketChange
{
    /// <summary>A word of <see cref="SocketChangeKind"/>.</summary>
    [Key(0)]
    public string Kind { get; init; } = "";

    /// <summary>The socket as it is now (as it was, where it is gone).</summary>
    [Key(1)]
    public SocketInfo Socket { get; init; } = new();
}

/// <summary>Asks what would become of an operation, without doing it.</summary>
[MessagePackObject]
public sealed record ExplainRequest : Request
{
    /// <summary>A word of <see cref="Operation"/>.</summary>
    [Key(1)]
    public string? Operation { get; init; }

    /// <summary>What it is done to: an address; for <c>publish</c> a public name.</summary>
    [Key(2)]
    public string? Target { get; init; }

    /// <summary>From which of the acting client's sockets; absent: the oldest one of this session, else any.</summary>
    [Key(3)]
    public string? SocketId { get; init; }

    /// <summary>For an administrator: whose case it is; absent: the acting client's own.</summary>
    [Key(4)]
    public string? Client { get; init; }
}

/// <summary>Answers Explain.</summary>
[MessagePackObject]
public sealed record ExplainResponse : Answer
{
    /// <summary>Whether every gate would let it pass now.</summary>
    [Key(1)]
    public bool? Allowed { get; init; }

    /// <summary>Each gate on the way, in order; those behind one that refuses are asked as well.</summary>
    [Key(2)]
    public GateVerdict[]? Gates { get; init; }
}

/// <summary>What one gate says.</summary>
[MessagePackObject]
public sealed record GateVerdict
{
    /// <summary>Its name.</summary>
    [Key(0)]
    public string Gate { get; init; } = "";

    /// <summary>Where it stands, such as <c>ingress</c> or <c>entry</c>.</summary>
    [Key(1)]
    public string Step { get; init; } = "";

    /// <summary>Why it would refuse; absent: it lets pass.</summary>
    [Key(2)]
    public DuplexityError? Error { get; init; }
}

/// <summary>Narrows what the acting client may do from one of its sockets. It can only take away; asked again, it replaces what was narrowed before.</summary>
[MessagePackObject]
public sealed record LimitSocketRequest : Request
{
    /// <summary>The SOCK_ID.</summary>
    [Key(1)]
    public string? SocketId { get; init; }

    /// <summary>What is left; absent: everything again.</summary>
    [Key(2)]
    public Allowances? Allowances { get; init; }
}

/// <summary>Answers LimitSocket.</summary>
[MessagePackObject]
public sealed record LimitSocketResponse : Answer
{
    /// <summary>What the client may do from that socket now.</summary>
    [Key(1)]
    public Allowances? Allowances { get; init; }
}

/// <summary>Ends tokens before their time: one token by its id, or all of a client. Open sockets lose the client at once. One's own, or an administrator's anyone's.</summary>
[MessagePackObject]
public sealed record RevokeRequest : Request
{
    /// <summary>The CID whose tokens end; one of this and <see cref="TokenId"/>.</summary>
    [Key(1)]
    public string? Client { get; init; }

    /// <summary>The token's <c>jti</c>; for administrators.</summary>
    [Key(2)]
    public string? TokenId { get; init; }

    /// <summary>With <see cref="Client"/>: tokens issued before this time end, in milliseconds since 1970 UTC; absent: now.</summary>
    [Key(3)]
    public long? Before { get; init; }
}

/// <summary>Forbids a client everything until it is enabled again, or enables it. For administrators.</summary>
[MessagePackObject]
public sealed record DisableRequest : Request
{
    /// <summary>The CID.</summary>
    [Key(1)]
    public string? Client { get; init; }

    /// <summary>False enables it again; absent: true.</summary>
    [Key(2)]
    public bool? Disabled { get; init; }
}

/// <summary>
/// Removes a client for good: its connections lose it at once, its inbox and feed, API keys, sign-ins and pipes are gone, and its name is never given again. There is no way back. For administrators.
/// </summary>
[MessagePackObject]
public sealed record RemoveClientRequest : Request
{
    /// <summary>The CID.</summary>
    [Key(1)]
    public string? Client { get; init; }
}

/// <summary>Answers Revoke, Disable and RemoveClient once it is in force: nothing for that client begins after it.</summary>
[MessagePackObject]
public sealed record RevokeResponse : Answer
{
    /// <summary>How many connections lost a client by it.</summary>
    [Key(1)]
    public int? Connections { get; init; }

    /// <summary>How many nodes have not confirmed it yet.</summary>
    [Key(2)]
    public int? Pending { get; init; }
}
