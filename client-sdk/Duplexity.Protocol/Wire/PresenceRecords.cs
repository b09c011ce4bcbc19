using MessagePack;

namespace Duplexity.Protocol;

/// <summary>Asks who is in a room, or who follows the acting client's feed.</summary>
[MessagePackObject]
public sealed record PresenceRequest : Request
{
    /// <summary>The channel's address.</summary>
    [Key(1)]
    public string? Channel { get; init; }

    /// <summary>Only how many.</summary>
    [Key(2)]
    public bool? CountOnly { get; init; }

    /// <summary>The members behind this client, as <see cref="PresenceResponse.Next"/> of the page before; absent: from the first.</summary>
    [Key(3)]
    public string? After { get; init; }

    /// <summary>At most this many clients, 1 to 1,000; absent: 1,000.</summary>
    [Key(4)]
    public int? Limit { get; init; }
}

/// <summary>Answers Presence.</summary>
[MessagePackObject]
public sealed record PresenceResponse : Answer
{
    /// <summary>Grows with each change of the channel's presence (G23).</summary>
    [Key(1)]
    public long? Version { get; init; }

    /// <summary>How many clients are there.</summary>
    [Key(2)]
    public int? Count { get; init; }

    /// <summary>A page of the clients with their sockets, by name, at most 1 MB; absent with <see cref="PresenceRequest.CountOnly"/>.</summary>
    [Key(3)]
    public Member[]? Members { get; init; }

    /// <summary>
    /// Where the next page begins; absent: this is the last one. Pages with the same <see cref="Version"/> are of one moment; where it has grown, the pages together are of the first one's version, and
    /// <see cref="IDataClient.PresenceChanged"/> from there on says what else holds (G23).
    /// </summary>
    [Key(4)]
    public string? Next { get; init; }
}

/// <summary>
/// Who came to a channel and who left, gathered over 250 ms, for sockets that joined with <c>presence</c>. A client that knows version v takes it where <c>after</c> ≤ v &lt; <c>through</c>, leaves it
/// where v ≥ <c>through</c>, and asks Presence again where v &lt; <c>after</c>, or where there is no <c>after</c>: then too much happened to be told (G23).
/// </summary>
[MessagePackObject]
public sealed record PresenceChangedEvent
{
    /// <summary>The channel.</summary>
    [Key(0)]
    public string Channel { get; init; } = "";

    /// <summary>The version that the changes begin at; absent: only the count is told.</summary>
    [Key(1)]
    public long? After { get; init; }

    /// <summary>The version that the changes lead to.</summary>
    [Key(2)]
    public long Through { get; init; }

    /// <summary>How many clients are there at <see cref="Through"/>.</summary>
    [Key(3)]
    public int Count { get; init; }

    /// <summary>Sockets that are there now, by client: each to be added to what is known of that client.</summary>
    [Key(4)]
    public Member[]? Joined { get; init; }

    /// <summary>Sockets that are not there now. One may never have been told as joined: it came and went in between.</summary>
    [Key(5)]
    public Departure[]? Left { get; init; }
}

/// <summary>A socket that is not in a channel any more.</summary>
[MessagePackObject]
public sealed record Departure
{
    /// <summary>The CID.</summary>
    [Key(0)]
    public string Client { get; init; } = "";

    /// <summary>The SOCK_ID.</summary>
    [Key(1)]
    public string Socket { get; init; } = "";

    /// <summary>Why, where it was not its wish: a word of <see cref="DepartureReason"/>.</summary>
    [Key(2)]
    public string? Reason { get; init; }
}

/// <summary>What <see cref="Departure.Reason"/> can say.</summary>
public static class DepartureReason
{
    /// <summary>The connection broke, or fell silent, without a goodbye.</summary>
    public const string Lost = "lost";

    /// <summary>The server ended its stay: by force, a revocation, the end of its token, or because the room's policy does not let it any more.</summary>
    public const string Removed = "removed";
}

/// <summary>A client in a channel.</summary>
[MessagePackObject]
public sealed record Member
{
    /// <summary>The CID.</summary>
    [Key(0)]
    public string Client { get; init; } = "";

    /// <summary>Its sockets there.</summary>
    [Key(1)]
    public string[] Sockets { get; init; } = [];
}
