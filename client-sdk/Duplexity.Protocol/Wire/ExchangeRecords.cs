using MessagePack;

namespace Duplexity.Protocol;

/// <summary>Asks for the last exchanges of a public pipe that keeps them (<see cref="PipeRegistration.Inspect"/>): one of the acting client, or of whom it may administer. What is not there, and what the client may not inspect, is 203.</summary>
[MessagePackObject]
public sealed record ListExchangesRequest : Request
{
    /// <summary>The pipe's whole hostname, or its label under the server's domain.</summary>
    [Key(1)]
    public string? Pipe { get; init; }

    /// <summary>At most this many, 1 to 1,000; absent: 50.</summary>
    [Key(2)]
    public int? Last { get; init; }
}

/// <summary>Answers ListExchanges and WatchExchanges.</summary>
[MessagePackObject]
public sealed record ListExchangesResponse : Answer
{
    /// <summary>The exchanges, oldest first, of all nodes that answered.</summary>
    [Key(1)]
    public KeptExchange[]? Exchanges { get; init; }

    /// <summary>When the node answered, in milliseconds since 1970 UTC, by its own clock.</summary>
    [Key(2)]
    public long? At { get; init; }
}

/// <summary>
/// Begins to watch the exchanges of a public pipe: the answer has the last ones, and each further one comes as ExchangesKept once it has ended, until the client leaves the connection or stops the watch. A pipe that is registered anew is
/// watched on. At most 16 watches of a client on a connection.
/// </summary>
[MessagePackObject]
public sealed record WatchExchangesRequest : Request
{
    /// <summary>As in <see cref="ListExchangesRequest"/>; not needed to stop.</summary>
    [Key(1)]
    public string? Pipe { get; init; }

    /// <summary>How many of those that were before are in the answer, 0 to 1,000; absent: none.</summary>
    [Key(2)]
    public int? Last { get; init; }

    /// <summary>Stops watching instead.</summary>
    [Key(3)]
    public bool? Stop { get; init; }

    /// <summary>The caller's own name for this watch, at most 128 characters, which its events repeat; the acting client's earlier watch of that name ends. Absent: the one without a name.</summary>
    [Key(4)]
    public string? Watch { get; init; }
}

/// <summary>Exchanges of a watched pipe that have ended: at most one event a quarter of a second.</summary>
[MessagePackObject]
public sealed record ExchangesKeptEvent
{
    /// <summary>The exchanges, oldest first for each node, at most 100.</summary>
    [Key(0)]
    public KeptExchange[] Exchanges { get; init; } = [];

    /// <summary>How many more there were that are not kept any more, or were not kept because there were too many at once.</summary>
    [Key(1)]
    public long LeftOut { get; init; }

    /// <summary>The name of the watch, as WatchExchanges gave it.</summary>
    [Key(2)]
    public string? Watch { get; init; }
}

/// <summary>Asks for everything that is kept of one exchange.</summary>
[MessagePackObject]
public sealed record ReadExchangeRequest : Request
{
    /// <summary>As in <see cref="ListExchangesRequest"/>.</summary>
    [Key(1)]
    public string? Pipe { get; init; }

    /// <summary>The exchange's id.</summary>
    [Key(2)]
    public string? Id { get; init; }
}

/// <summary>Answers ReadExchange.</summary>
[MessagePackObject]
public sealed record ReadExchangeResponse : Answer
{
    /// <summary>The exchange; absent: it is a replay that has not ended yet.</summary>
    [Key(1)]
    public ExchangeDetail? Exchange { get; init; }
}

/// <summary>
/// Sends the request of an exchange again, as it was or changed: as a visit of its owner's, which no gate is asked about and of which the resource is told no visitor, over a carrier, and with the header <c>Duplexity-Replayed</c>, which names the exchange. What was redacted is not sent. Answered when it has begun; what came of
/// it is an exchange of its own.
/// </summary>
[MessagePackObject]
public sealed record ReplayExchangeRequest : Request
{
    /// <summary>As in <see cref="ListExchangesRequest"/>.</summary>
    [Key(1)]
    public string? Pipe { get; init; }

    /// <summary>The exchange's id.</summary>
    [Key(2)]
    public string? Id { get; init; }

    /// <summary>Another method; absent: as it was.</summary>
    [Key(3)]
    public string? Method { get; init; }

    /// <summary>Another path and query, beginning with <c>/</c>; absent: as they were.</summary>
    [Key(4)]
    public string? Target { get; init; }

    /// <summary>Headers that are set in the place of those of their names, or, without a value, left out.</summary>
    [Key(5)]
    public PipeHeader[]? Headers { get; init; }

    /// <summary>Another body as text; at most one of text and bytes. Absent: as it was, which must have been kept whole.</summary>
    [Key(6)]
    public string? Text { get; init; }

    /// <summary>Another body as bytes.</summary>
    [Key(7)]
    public byte[]? Bytes { get; init; }
}

/// <summary>Answers ReplayExchange.</summary>
[MessagePackObject]
public sealed record ReplayExchangeResponse : Answer
{
    /// <summary>The id that the new exchange has; it can be read when it has ended.</summary>
    [Key(1)]
    public string? Id { get; init; }

    /// <summary>What the first request had and this one has not, because it was redacted, such as <c>header Authorization</c>.</summary>
    [Key(2)]
    public string[]? Omitted { get; init; }
}

/// <summary>One exchange that is kept, in a line.</summary>
[MessagePackObject]
public sealed record KeptExchange
{
    /// <summary>Its id.</summary>
    [Key(0)]
    public string Id { get; init; } = "";

    /// <summary>The pipe's name.</summary>
    [Key(1)]
    public string Pipe { get; init; } = "";

    /// <summary>When it began, in milliseconds since 1970 UTC.</summary>
    [Key(2)]
    public long At { get; init; }

    /// <summary>The method.</summary>
    [Key(3)]
    public string Method { get; init; } = "";

    /// <summary>Path and query, secrets redacted; in lists and events cut at 256 characters, else at 8,192.</summary>
    [Key(4)]
    public string Target { get; init; } = "";

    /// <summary>The status; 499: the visitor left before there was one.</summary>
    [Key(5)]
    public int Status { get; init; }

    /// <summary>How long it took, in milliseconds.</summary>
    [Key(6)]
    public double DurationMs { get; init; }

    /// <summary>The visitor's address.</summary>
    [Key(7)]
    public string? Visitor { get; init; }

    /// <summary>The client that the visitor showed to be; absent: none.</summary>
    [Key(8)]
    public string? Client { get; init; }

    /// <summary>Bytes of the request's body that passed.</summary>
    [Key(9)]
    public long RequestBytes { get; init; }

    /// <summary>Bytes of the response's body that passed.</summary>
    [Key(10)]
    public long ResponseBytes { get; init; }

    /// <summary>The exchange whose request it repeated; absent: a visitor's own.</summary>
    [Key(11)]
    public string? ReplayOf { get; init; }

    /// <summary>The session of the program to which it went, or went first: of a shared name, one of several.</summary>
    [Key(12)]
    public string? Session { get; init; }
}

/// <summary>One exchange that is kept, whole. What is secret by its name (<c>Authorization</c>, <c>Cookie</c>, <c>access_token</c> and the like) was redacted before it was kept: its value is <c>[redacted]</c>.</summary>
[MessagePackObject]
public sealed record ExchangeDetail
{
    /// <summary>The exchange in a line.</summary>
    [Key(0)]
    public KeptExchange Exchange { get; init; } = new();

    /// <summary>What visitors open, without path.</summary>
    [Key(1)]
    public string Url { get; init; } = "";

    /// <summary>The request, as it passed the gates.</summary>
    [Key(2)]
    public ExchangeMessage Request { get; init; } = new();

    /// <summary>The response.</summary>
    [Key(3)]
    public ExchangeMessage Response { get; init; } = new();

    /// <summary>When what happened.</summary>
    [Key(4)]
    public ExchangeTimings Timings { get; init; } = new();

    /// <summary>What the gates decided, in order.</summary>
    [Key(5)]
    public ExchangeGate[] Gates { get; init; } = [];
}

/// <summary>One side of an exchange.</summary>
[MessagePackObject]
public sealed record ExchangeMessage
{
    /// <summary>Its headers, one entry a line.</summary>
    [Key(0)]
    public PipeHeader[] Headers { get; init; } = [];

    /// <summary>The first 64 KB of its body, as they were before <c>Content-Encoding</c> (gzip, br and deflate); absent: it had none, or it could not be kept.</summary>
    [Key(1)]
    public byte[]? Body { get; init; }

    /// <summary>Whether <see cref="Body"/> is all of it.</summary>
    [Key(2)]
    public bool IsWhole { get; init; }

    /// <summary>What was redacted, such as <c>header Cookie</c>.</summary>
    [Key(3)]
    public string[] Redacted { get; init; } = [];
}

/// <summary>Milliseconds from an exchange's begin; absent: it did not come so far.</summary>
[MessagePackObject]
public sealed record ExchangeTimings
{
    /// <summary>The pipe was found.</summary>
    [Key(0)]
    public double? LocatedMs { get; init; }

    /// <summary>A carrier was there.</summary>
    [Key(1)]
    public double? CarrierMs { get; init; }

    /// <summary>The answer began.</summary>
    [Key(2)]
    public double? FirstByteMs { get; init; }

    /// <summary>It ended.</summary>
    [Key(3)]
    public double? EndMs { get; init; }
}

/// <summary>What a gate decided about a visitor.</summary>
[MessagePackObject]
public sealed record ExchangeGate
{
    /// <summary>The gate.</summary>
    [Key(0)]
    public string Gate { get; init; } = "";

    /// <summary>What it decided.</summary>
    [Key(1)]
    public string Outcome { get; init; } = "";
}
