using MessagePack;

namespace Duplexity.Protocol;

/// <summary>Introduces a data connection. A stock client may leave it out; pipes and a session of one's own need it.</summary>
[MessagePackObject]
public sealed record OpenRequest : Request
{
    /// <summary>The protocol version that the client speaks; absent: 1.</summary>
    [Key(1)]
    public int? Protocol { get; init; }

    /// <summary>The session, at most 128 characters, drawn at random by the program when it starts and kept over reconnects.</summary>
    [Key(2)]
    public string? Session { get; init; }

    /// <summary>The ticket that Discover gave; needed with pipes, else the call waits for the session's control connection.</summary>
    [Key(3)]
    public string? Ticket { get; init; }

    /// <summary>The pipes to register, all or none; the result comes as <see cref="IControlClient.PipesAreRegistered"/>.</summary>
    [Key(4)]
    public PipeRegistration[]? Pipes { get; init; }

    /// <summary>Who may send to this socket's own address, a word of <see cref="DirectRule"/>; absent: <c>own</c>.</summary>
    [Key(5)]
    public string? Direct { get; init; }
}

/// <summary>Answers Open.</summary>
[MessagePackObject]
public sealed record OpenResponse : Answer
{
    /// <summary>The SOCK_ID, as in Welcome.</summary>
    [Key(1)]
    public string? SocketId { get; init; }

    /// <summary>The session that the connection belongs to now.</summary>
    [Key(2)]
    public string? Session { get; init; }
}

/// <summary>What Send and Emit share.</summary>
public abstract record MessageRequest : Request
{
    /// <summary>The body as text; exactly one of text and bytes.</summary>
    [Key(1)]
    public string? Text { get; init; }

    /// <summary>The body as bytes (base64 in JSON).</summary>
    [Key(2)]
    public byte[]? Bytes { get; init; }

    /// <summary>What the body is.</summary>
    [Key(3)]
    public string? ContentType { get; init; }

    /// <summary>The application's name for the body.</summary>
    [Key(4)]
    public string? Type { get; init; }

    /// <summary>The id of the message that this one answers.</summary>
    [Key(5)]
    public string? Re { get; init; }

    /// <summary>Headers for the receivers.</summary>
    [Key(6)]
    public Dictionary<string, string>? Headers { get; init; }

    /// <summary>The level to answer at; absent: <c>stored</c>. With <c>delivered</c> and <c>acknowledged</c> the answer comes as with <c>stored</c>, and what is reached later as <see cref="IDataClient.ReceiptChanged"/>.</summary>
    [Key(7)]
    public string? Level { get; init; }

    /// <summary>With <see cref="Sequence"/>: makes a repeated send store once (G4).</summary>
    [Key(8)]
    public string? Session { get; init; }

    /// <summary>1, 2, 3 … within the session and the acting client.</summary>
    [Key(9)]
    public long? Sequence { get; init; }

    /// <summary>A key of the application's own instead of session and sequence.</summary>
    [Key(10)]
    public string? IdempotencyKey { get; init; }

    /// <summary>With <see cref="Sequence"/>, from who sends on without waiting for answers: the nearest earlier sequence of this session that has no answer yet. Where that one fails on this connection, this one is answered "unavailable" as well; both are sent again, in order.</summary>
    [IgnoreMember]
    public virtual long? After { get; init; }
}

/// <summary>Drops a message into the machine, for the listed destinations.</summary>
[MessagePackObject]
public sealed record SendRequest : MessageRequest
{
    /// <summary>1 to 100 addresses. An empty list is refused; Emit is the verb without destinations.</summary>
    [Key(11)]
    public string[]? To { get; init; }

    /// <summary>The lock under which this is sent: it is stored only if no later grant of that lock was sent under to one of the destinations (G17).</summary>
    [Key(12)]
    public LockToken? Under { get; init; }

    /// <summary>With <see cref="MessageRequest.Sequence"/>, from who sends on without waiting for answers: the nearest earlier sequence of this session that has no answer yet. Where that one fails on this connection, this one is answered "unavailable" as well; both are sent again, in order.</summary>
    [Key(13)]
    public override long? After { get; init; }
}

/// <summary>Drops a message without destinations: for the sender's followers, its other sockets and the rooms in which the sending socket stands.</summary>
[MessagePackObject]
public sealed record EmitRequest : MessageRequest
{
    /// <summary>With <see cref="MessageRequest.Sequence"/>, from who sends on without waiting for answers: the nearest earlier sequence of this session that has no answer yet. Where that one fails on this connection, this one is answered "unavailable" as well; both are sent again, in order.</summary>
    [Key(11)]
    public override long? After { get; init; }
}

/// <summary>The receipt: answers Send and Emit.</summary>
[MessagePackObject]
public sealed record SendResponse : Answer
{
    /// <summary>The message's id.</summary>
    [Key(1)]
    public string? MessageId { get; init; }

    /// <summary>The level reached, a word of <see cref="Levels"/>.</summary>
    [Key(2)]
    public string? Level { get; init; }

    /// <summary>One entry for each destination.</summary>
    [Key(3)]
    public DestinationResult[]? Destinations { get; init; }
}

/// <summary>What became of a message at one destination.</summary>
[MessagePackObject]
public sealed record DestinationResult
{
    /// <summary>The destination in canonical form.</summary>
    [Key(0)]
    public string To { get; init; } = "";

    /// <summary>Its place there; absent where it was not taken.</summary>
    [Key(1)]
    public Position? Position { get; init; }

    /// <summary>Why it was not taken. An unknown destination and one that the sender may not use read the same.</summary>
    [Key(2)]
    public DuplexityError? Error { get; init; }

    /// <summary>How many other sockets listened there when it was taken: 0 says that nobody is there now; absent where the sender may not see who is there. A hint, not a delivery report.</summary>
    [Key(3)]
    public int? Listeners { get; init; }
}

/// <summary>Listens to a room, a feed, a lockspace or the own inbox: from now, from a place, or with the last n. Joining again moves the place.</summary>
[MessagePackObject]
public sealed record JoinRequest : Request
{
    /// <summary>The channel's address.</summary>
    [Key(1)]
    public string? Channel { get; init; }

    /// <summary>The last place seen: everything behind it is delivered. Wins over <see cref="Last"/> while it can be served.</summary>
    [Key(2)]
    public Position? Since { get; init; }

    /// <summary>Deliver the last n first, at most 1,000.</summary>
    [Key(3)]
    public int? Last { get; init; }

    /// <summary>Tell who comes and goes by <see cref="IDataClient.PresenceChanged"/>, where the acting client may see that; left out in a later Join of the same client: no more.</summary>
    [Key(4)]
    public bool? Presence { get; init; }

    /// <summary>For the own inbox: which of the client's readers this is, at most 128 characters; absent: the one that has no name.</summary>
    [Key(5)]
    public string? Reader { get; init; }

    /// <summary>For the own inbox: who acknowledges, a word of <see cref="AckWord"/>; absent: <c>auto</c>, and <c>none</c> with a place of one's own (<c>since</c>, <c>last</c>).</summary>
    [Key(6)]
    public string? Ack { get; init; }

    /// <summary>With <c>ack: claim</c>: how many messages this socket works on at once, 1 to 256; absent: 1.</summary>
    [Key(7)]
    public int? Hands { get; init; }
}

/// <summary>Answers Join.</summary>
[MessagePackObject]
public sealed record JoinResponse : Answer
{
    /// <summary>The channel in canonical form.</summary>
    [Key(1)]
    public string? Channel { get; init; }

    /// <summary>The place that the first delivery follows.</summary>
    [Key(2)]
    public Position? Position { get; init; }

    /// <summary>With <c>since</c>: whether that place could be served. False: something may be missing, for ever. The same of the place of an inbox's reader, where it could not.</summary>
    [Key(3)]
    public bool? Recovered { get; init; }

    /// <summary>With <c>presence</c>: whether who comes and goes is told. False: the acting client may not see it, or the room does not tell it.</summary>
    [Key(4)]
    public bool? Presence { get; init; }

    /// <summary>For the own inbox: how many messages wait behind <c>position</c>.</summary>
    [Key(5)]
    public long? Waiting { get; init; }

    /// <summary>With <c>ack: claim</c>: how long a message is a socket's, in milliseconds from its offering.</summary>
    [Key(6)]
    public long? LeaseMs { get; init; }
}

/// <summary>Stops listening.</summary>
[MessagePackObject]
public sealed record LeaveRequest : Request
{
    /// <summary>The channel's address.</summary>
    [Key(1)]
    public string? Channel { get; init; }

    /// <summary>The key that lets out of a lockspace that holds.</summary>
    [Key(2)]
    public string? Key { get; init; }
}

/// <summary>Reads a page of a channel's log, without listening.</summary>
[MessagePackObject]
public sealed record HistoryRequest : Request
{
    /// <summary>The channel's address.</summary>
    [Key(1)]
    public string? Channel { get; init; }

    /// <summary>Read behind this place (before it, in reverse); absent: from the start (from the end, in reverse).</summary>
    [Key(2)]
    public Position? Since { get; init; }

    /// <summary>At most this many, 1 to 1,000; absent: 100.</summary>
    [Key(3)]
    public int? Limit { get; init; }

    /// <summary>Newest first.</summary>
    [Key(4)]
    public bool? Reverse { get; init; }
}

/// <summary>Answers History.</summary>
[MessagePackObject]
public sealed record HistoryResponse : Answer
{
    /// <summary>The messages, in the order asked for.</summary>
    [Key(1)]
    public DeliveredMessage[]? Messages { get; init; }

    /// <summary>Where to go on; absent at the end.</summary>
    [Key(2)]
    public Position? Next { get; init; }

    /// <summary>With <c>since</c>: whether that place could be served. False: <c>messages</c> is empty.</summary>
    [Key(3)]
    public bool? Recovered { get; init; }
}

/// <summary>Says that nothing for this socket lies between two places, where no message says it (G9).</summary>
[MessagePackObject]
public sealed record AdvancedEvent
{
    /// <summary>The channel.</summary>
    [Key(0)]
    public string Channel { get; init; } = "";

    /// <summary>The last place that the socket was told.</summary>
    [Key(1)]
    public Position After { get; init; } = Position.Start;

    /// <summary>The place up to which nothing else is for this socket.</summary>
    [Key(2)]
    public Position Through { get; init; } = Position.Start;
}
