using MessagePack;

namespace Duplexity;

/// <summary>
/// What a client may do: scopes by address pattern, and limits. One shape everywhere: the claim <c>duplexity</c> of a token, the settings
/// <c>Duplexity:Allowances:ROLE</c>, what <c>LimitSocket</c> narrows, and what a client is shown. A member that is left out says nothing, and the next layer
/// decides; an empty list allows nothing. In a pattern, <c>*</c> stands for any run of characters, and everything else for itself. Immutable.
/// </summary>
[MessagePackObject]
public sealed record Allowances
{
    /// <summary>The most patterns that one scope may have.</summary>
    public const int MaxPatterns = 100;

    /// <summary>Where it may send, such as <c>room:*</c> or <c>client:amy</c>.</summary>
    [Key(0)]
    public string[]? Send { get; init; }

    /// <summary>From which channels it may receive, live and from their history.</summary>
    [Key(1)]
    public string[]? Receive { get; init; }

    /// <summary>Which channels it may join.</summary>
    [Key(2)]
    public string[]? Join { get; init; }

    /// <summary>Which public pipes it may register: hostnames (<c>*.example.org</c>) and TCP ports (<c>:70*</c>).</summary>
    [Key(3)]
    public string[]? Publish { get; init; }

    /// <summary>Whom it may administer: <c>client:*</c> for everybody. Includes their sockets, pipes, tokens and keys.</summary>
    [Key(4)]
    public string[]? Administer { get; init; }

    /// <summary>Counts, sizes and rates.</summary>
    [Key(5)]
    public AllowanceLimits? Limits { get; init; }
}

/// <summary>The limits of <see cref="Allowances"/>. A member that is left out says nothing. Immutable.</summary>
[MessagePackObject]
public sealed record AllowanceLimits
{
    /// <summary>Messages that may be sent within a window, for each socket apart (<c>messages_per_window</c>).</summary>
    [Key(0)]
    public int? Messages { get; init; }

    /// <summary>Bytes of bodies that may be sent within a window, for each socket apart (<c>bytes_per_window</c>).</summary>
    [Key(1)]
    public int? Bytes { get; init; }

    /// <summary>The length of the window in milliseconds; left out everywhere: 10,000.</summary>
    [Key(2)]
    public int? WindowMs { get; init; }

    /// <summary>The largest body in bytes (<c>message_bytes</c>).</summary>
    [Key(3)]
    public int? MessageBytes { get; init; }

    /// <summary>Rooms that one socket may be in as this client (<c>rooms_per_socket</c>).</summary>
    [Key(4)]
    public int? Rooms { get; init; }

    /// <summary>Sockets of this client (<c>sockets_per_client</c>).</summary>
    [Key(5)]
    public int? Sockets { get; init; }

    /// <summary>Public pipes of one session (<c>pipes_per_session</c>).</summary>
    [Key(6)]
    public int? Pipes { get; init; }

    /// <summary>Clients in a room that this client may join: it is refused where so many others are already (<c>users_per_room</c>).</summary>
    [Key(7)]
    public int? UsersPerRoom { get; init; }
}

/// <summary>How much of its limits a client uses from one socket, now. Immutable.</summary>
[MessagePackObject]
public sealed record AllowanceUse
{
    /// <summary>Messages of the present window.</summary>
    [Key(0)]
    public long Messages { get; init; }

    /// <summary>Bytes of the present window.</summary>
    [Key(1)]
    public long Bytes { get; init; }

    /// <summary>Rooms of this socket.</summary>
    [Key(2)]
    public int Rooms { get; init; }

    /// <summary>Sockets of the client.</summary>
    [Key(3)]
    public int Sockets { get; init; }

    /// <summary>Messages sent from this socket since the client is on it.</summary>
    [Key(4)]
    public long Sent { get; init; }
}
