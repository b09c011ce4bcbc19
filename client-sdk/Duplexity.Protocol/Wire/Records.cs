using MessagePack;

namespace Duplexity.Protocol;

/// <summary>The base of every request. All members of requests may be absent; the server checks after binding and answers 1xx by name.</summary>
public abstract record Request
{
    /// <summary>The CID to act as, one that the socket holds; absent: its primary one.</summary>
    [Key(0)]
    public string? As { get; init; }

    /// <summary>The record's name and nothing in it: SignalR writes arguments into its debug log, and tickets and bodies have no business there (G14).</summary>
    public sealed override string ToString() => GetType().Name;
}

/// <summary>The base of every answer: <see cref="Error"/> is there exactly when the request was refused.</summary>
public abstract record Answer
{
    /// <summary>Why the request was refused; absent when it was not.</summary>
    [Key(0)]
    public DuplexityError? Error { get; init; }
}

/// <summary>An answer that says nothing beyond "done".</summary>
[MessagePackObject]
public sealed record Done : Answer;

/// <summary>Who sent a message.</summary>
[MessagePackObject]
public sealed record Origin
{
    /// <summary>The CID it was sent as.</summary>
    [Key(0)]
    public string Client { get; init; } = "";

    /// <summary>The SOCK_ID it was sent from; absent for the server's own API.</summary>
    [Key(1)]
    public string? Socket { get; init; }
}

/// <summary>A message as a socket receives it, in <see cref="IDataClient.Deliver"/> and <see cref="HistoryResponse"/>.</summary>
[MessagePackObject]
public sealed record DeliveredMessage
{
    /// <summary>The message's id, the same for every copy: what removes duplicates.</summary>
    [Key(0)]
    public string Id { get; init; } = "";

    /// <summary>The channel under which this copy came.</summary>
    [Key(1)]
    public string Channel { get; init; } = "";

    /// <summary>Who sent it.</summary>
    [Key(2)]
    public Origin From { get; init; } = new();

    /// <summary>The place of this copy in the channel's log.</summary>
    [Key(3)]
    public Position Position { get; init; } = Position.Start;

    /// <summary>When the machine took it, in milliseconds since 1970 UTC.</summary>
    [Key(4)]
    public long SentAt { get; init; }

    /// <summary>The body as text; absent when it is bytes.</summary>
    [Key(5)]
    public string? Text { get; init; }

    /// <summary>The body as bytes (base64 in JSON); absent when it is text.</summary>
    [Key(6)]
    public byte[]? Bytes { get; init; }

    /// <summary>What the body is, such as <c>application/json</c>; absent for plain text and plain bytes.</summary>
    [Key(7)]
    public string? ContentType { get; init; }

    /// <summary>The application's name for the body.</summary>
    [Key(8)]
    public string? Type { get; init; }

    /// <summary>The id of the message that this one answers.</summary>
    [Key(9)]
    public string? Re { get; init; }

    /// <summary>The sender's headers.</summary>
    [Key(10)]
    public Dictionary<string, string>? Headers { get; init; }

    /// <summary>The held client that receives it; absent: the socket's primary one.</summary>
    [Key(11)]
    public string? For { get; init; }

    /// <summary>The place that this message follows for this socket (G9); absent: the entry just before, with the same epoch. What lies between was not for this socket.</summary>
    [Key(12)]
    public Position? After { get; init; }

    /// <summary>From an inbox with <c>ack: manual</c>: how often it was offered, where that is more than once. It may come again behind later ones: its place finds no gap.</summary>
    [Key(13)]
    public int? Attempt { get; init; }

    /// <summary>The message pipe that brought it; absent: its sender did. <see cref="From"/> stays the first sender.</summary>
    [Key(14)]
    public Via? Via { get; init; }
}

/// <summary>First event of every connection.</summary>
[MessagePackObject]
public sealed record WelcomeEvent
{
    /// <summary>The SOCK_ID: fresh, unguessable, constant for the connection. On the control connection, the id of that connection.</summary>
    [Key(0)]
    public string SocketId { get; init; } = "";

    /// <summary>The CIDs that the socket holds, the primary one first.</summary>
    [Key(1)]
    public string[] Clients { get; init; } = [];

    /// <summary>When the first of them expires, in milliseconds since 1970 UTC; absent: none does.</summary>
    [Key(2)]
    public long? ExpiresAt { get; init; }

    /// <summary>The protocol version that the server speaks.</summary>
    [Key(3)]
    public int Protocol { get; init; }

    /// <summary>Why this session's last connection ended, where the server ended it.</summary>
    [Key(4)]
    public PreviousEnd? Previous { get; init; }

    /// <summary>The identities that the connection holds, with what they may do; on the data connection.</summary>
    [Key(5)]
    public IdentityInfo[]? Identities { get; init; }
}

/// <summary>Why a session's last connection ended.</summary>
[MessagePackObject]
public sealed record PreviousEnd
{
    /// <summary>A 5xx code.</summary>
    [Key(0)]
    public int Code { get; init; }

    /// <summary>The reason in a sentence.</summary>
    [Key(1)]
    public string Reason { get; init; } = "";
}

/// <summary>The node, or one by way of which the connection came, is being emptied: open anew, then leave this connection. Who stays is closed (510) after some seconds.</summary>
[MessagePackObject]
public sealed record DrainingEvent
{
    /// <summary>Where to connect instead, as the server's own address: <c>/control</c> and <c>/data</c> are below it. Absent: at the address that was used, from where another node is reached.</summary>
    [Key(0)]
    public string? Uri { get; init; }

    /// <summary>How long to wait before, drawn for each connection so that not all come at once.</summary>
    [Key(1)]
    public int RetryAfterMs { get; init; }
}

/// <summary>Comes before every close that the server decides and whose socket still takes bytes.</summary>
[MessagePackObject]
public sealed record DisconnectedEvent
{
    /// <summary>A 5xx code.</summary>
    [Key(0)]
    public int Code { get; init; }

    /// <summary>The reason in a sentence.</summary>
    [Key(1)]
    public string Reason { get; init; } = "";

    /// <summary>One of the words of <see cref="Protocol.Retry"/>.</summary>
    [Key(2)]
    public string Retry { get; init; } = "";
}
