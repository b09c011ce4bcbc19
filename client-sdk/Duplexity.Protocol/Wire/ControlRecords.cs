using MessagePack;

namespace Duplexity.Protocol;

/// <summary>The first call on every control connection: who am I here, and where is the data plane.</summary>
[MessagePackObject]
public sealed record DiscoveryRequest : Request
{
    /// <summary>The protocol version that the client speaks; absent: 1.</summary>
    [Key(1)]
    public int? Protocol { get; init; }

    /// <summary>The CID that the client believes to be; must be the token's.</summary>
    [Key(2)]
    public string? ClientId { get; init; }

    /// <summary>The program's session, at most 128 characters; absent: the server draws one.</summary>
    [Key(3)]
    public string? Session { get; init; }
}

/// <summary>Answers Discover.</summary>
[MessagePackObject]
public sealed record DiscoveryResponse : Answer
{
    /// <summary>The client that this answer is for; a client that is told another name hangs up.</summary>
    [Key(1)]
    public string? ClientId { get; init; }

    /// <summary>The session.</summary>
    [Key(2)]
    public string? Session { get; init; }

    /// <summary>Grows with every Discover of a session and over all sessions; the newer wins a hostname.</summary>
    [Key(3)]
    public long? Generation { get; init; }

    /// <summary>Where to open the data connection: absolute, http or https as the control connection was. Names the node without a secret.</summary>
    [Key(4)]
    public string? DataPlaneUri { get; init; }

    /// <summary>Shown once in Open, within 30 seconds, by this client and session only (G14).</summary>
    [Key(5)]
    public string? Ticket { get; init; }

    /// <summary>The origins that a carry order may name; anything else is not dialled.</summary>
    [Key(6)]
    public string[]? Origins { get; init; }

    /// <summary>The record's name without the ticket, for logs (G14).</summary>
    public override string ToString() => nameof(DiscoveryResponse);
}

/// <summary>Registers further pipes for the session, all or none.</summary>
[MessagePackObject]
public sealed record RegisterPipesRequest : Request
{
    /// <summary>The pipes.</summary>
    [Key(1)]
    public PipeRegistration[]? Pipes { get; init; }
}

/// <summary>Answers RegisterPipes; the event PipesAreRegistered says the same for the pipes of Open.</summary>
[MessagePackObject]
public sealed record PipesResponse : Answer
{
    /// <summary>One entry for each pipe, in the order asked for.</summary>
    [Key(1)]
    public PipeResult[]? Pipes { get; init; }

    /// <summary>The generation under which they are registered.</summary>
    [Key(2)]
    public long? Generation { get; init; }
}

/// <summary>Removes pipes of the session; names that are not there are done already.</summary>
[MessagePackObject]
public sealed record RemovePipesRequest : Request
{
    /// <summary>The names, as <see cref="PipeResult.Name"/> gave them.</summary>
    [Key(1)]
    public string[]? Names { get; init; }
}

/// <summary>Lists the acting client's public pipes, of all its sessions.</summary>
[MessagePackObject]
public sealed record ListPipesRequest : Request
{
    /// <summary>For an administrator: whose, a CID or <c>*</c> for all; absent: the acting client's own.</summary>
    [Key(1)]
    public string? Client { get; init; }
}

/// <summary>Answers ListPipes.</summary>
[MessagePackObject]
public sealed record ListPipesResponse : Answer
{
    /// <summary>The pipes, by name.</summary>
    [Key(1)]
    public PipeInfo[]? Pipes { get; init; }
}

/// <summary>A public pipe as its owner sees it.</summary>
[MessagePackObject]
public sealed record PipeInfo
{
    /// <summary>The hostname or <c>:PORT</c>.</summary>
    [Key(0)]
    public string Name { get; init; } = "";

    /// <summary>What visitors open.</summary>
    [Key(1)]
    public string Url { get; init; } = "";

    /// <summary>What the client serves.</summary>
    [Key(2)]
    public string Resource { get; init; } = "";

    /// <summary><c>serving</c>, <c>away</c> while its session is out of reach, or <c>gone</c> in a change that says so.</summary>
    [Key(3)]
    public string State { get; init; } = "";

    /// <summary>When it was registered, in milliseconds since 1970 UTC.</summary>
    [Key(4)]
    public long Since { get; init; }

    /// <summary>The owner.</summary>
    [Key(5)]
    public string Client { get; init; } = "";

    /// <summary>How visitors use it.</summary>
    [Key(6)]
    public PipeUse Use { get; init; } = new();

    /// <summary>The session that serves it: several may share a name, and each is one pipe of the list.</summary>
    [Key(7)]
    public string Session { get; init; } = "";

    /// <summary>The node where that session is.</summary>
    [Key(8)]
    public string Node { get; init; } = "";
}

/// <summary>Lists the acting client's sockets.</summary>
[MessagePackObject]
public sealed record ListSocketsRequest : Request
{
    /// <summary>For an administrator: whose, a CID or <c>*</c> for all; absent: the acting client's own.</summary>
    [Key(1)]
    public string? Client { get; init; }
}

/// <summary>Answers ListSockets.</summary>
[MessagePackObject]
public sealed record ListSocketsResponse : Answer
{
    /// <summary>The sockets, oldest first.</summary>
    [Key(1)]
    public SocketInfo[]? Sockets { get; init; }
}

/// <summary>A socket as a client that it holds sees it. Other identities on it are hidden.</summary>
[MessagePackObject]
public sealed record SocketInfo
{
    /// <summary>The SOCK_ID.</summary>
    [Key(0)]
    public string SocketId { get; init; } = "";

    /// <summary>The asking client.</summary>
    [Key(1)]
    public string Client { get; init; } = "";

    /// <summary>When it connected, in milliseconds since 1970 UTC.</summary>
    [Key(2)]
    public long Since { get; init; }

    /// <summary>The node that holds it.</summary>
    [Key(3)]
    public string Node { get; init; } = "";

    /// <summary>How it is connected, such as <c>WebSockets</c>.</summary>
    [Key(4)]
    public string Transport { get; init; } = "";

    /// <summary><c>ipv4</c>, <c>ipv6</c> or <c>other</c>.</summary>
    [Key(5)]
    public string AddressFamily { get; init; } = "";

    /// <summary>The user agent that it named, if any.</summary>
    [Key(6)]
    public string? UserAgent { get; init; }

    /// <summary>The channels that it listens to as the asking client.</summary>
    [Key(7)]
    public string[] Channels { get; init; } = [];

    /// <summary>What the asking client may do from it.</summary>
    [Key(8)]
    public Allowances Allowances { get; init; } = new();

    /// <summary>How much of that it uses.</summary>
    [Key(9)]
    public AllowanceUse Use { get; init; } = new();
}

/// <summary>A courtesy before leaving: the session's pipes are removed at once and its data connection is closed. Everything also works without it.</summary>
[MessagePackObject]
public sealed record DisconnectRequest : Request;

/// <summary>Closes sockets of the acting client (of anyone, for an administrator).</summary>
[MessagePackObject]
public sealed record ForceDisconnectRequest : Request
{
    /// <summary><c>socket:ID</c> or <c>client:CID</c>.</summary>
    [Key(1)]
    public string? Target { get; init; }

    /// <summary>What the disconnected are told.</summary>
    [Key(2)]
    public string? Reason { get; init; }

    /// <summary>
    /// For how long they are refused if they come back all the same, in milliseconds, at most 24 hours (G21); absent: five minutes. A client that closes its own is not kept away by <c>client:CID</c>; by
    /// <c>socket:ID</c> that program's session is.
    /// </summary>
    [Key(3)]
    public long? BlockMs { get; init; }
}

/// <summary>Answers ForceDisconnect.</summary>
[MessagePackObject]
public sealed record ForceDisconnectResponse : Answer
{
    /// <summary>How many sockets were closed.</summary>
    [Key(1)]
    public int? Sockets { get; init; }

    /// <summary>How many nodes have not confirmed it yet.</summary>
    [Key(2)]
    public int? Pending { get; init; }
}
