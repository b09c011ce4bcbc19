using MessagePack;

namespace Duplexity.Protocol;

/// <summary>A public pipe as its client asks for it.</summary>
[MessagePackObject]
public sealed record PipeRegistration
{
    /// <summary>A label under the server's domain (<c>cat1</c>), a whole hostname, <c>:PORT</c> for a TCP port, <c>:</c> for any free port, absent: a name is made up.</summary>
    [Key(0)]
    public string? Name { get; init; }

    /// <summary>What the client serves, such as <c>http://localhost:9090</c>, <c>h2c://localhost:5000</c> (HTTP/2 without TLS), <c>tls://localhost:8443</c> (passed on as it is) or <c>tcp://localhost:22</c>, which the server never dials, and the client nothing else; or a channel such as <c>room:orders</c>, to which each request is sent as a message.</summary>
    [Key(1)]
    public string? Resource { get; init; }

    /// <summary>The Host header that the resource sees: <c>keep</c> (absent), <c>resource</c>, or any name.</summary>
    [Key(2)]
    public string? HostHeader { get; init; }

    /// <summary>
    /// Who may visit: rules with commas between them, of which one must let the visitor in: <c>public</c>, <c>signed-in</c>, <c>client:PATTERN</c>, <c>room:NAME</c>, <c>lockspace:NAME</c>,
    /// <c>basic:USER:PASSWORD</c>, <c>bearer</c>, <c>ip:NETWORK</c>, <c>link</c>, <c>granted</c>. A TCP port takes <c>public</c> and <c>ip:</c> only. Absent: what the server says, <c>public</c> where it says nothing.
    /// </summary>
    [Key(3)]
    public string? Visitors { get; init; }

    /// <summary>Whether the client wants the event Exchanges for this pipe.</summary>
    [Key(4)]
    public bool? Exchanges { get; init; }

    /// <summary>Whether other sessions of the same client may serve the name at the same time; absent: the newer takes over.</summary>
    [Key(5)]
    public bool? Share { get; init; }

    /// <summary>For a shared name: whether a visitor stays with the session that served it first, by a cookie.</summary>
    [Key(6)]
    public bool? Sticky { get; init; }

    /// <summary>Whether it has no public name and is reached by the dial of an allowed client only.</summary>
    [Key(7)]
    public bool? Private { get; init; }

    /// <summary>What becomes of requests while the client is away: <c>refuse</c> (absent) or <c>queue</c>.</summary>
    [Key(8)]
    public string? Offline { get; init; }

    /// <summary>Further resources under the same hostname, by path; what no path covers goes to <see cref="Resource"/>.</summary>
    [Key(9)]
    public PipeRoute[]? Routes { get; init; }

    /// <summary>Headers that are set (or, without a value, removed) in what the resource gets.</summary>
    [Key(10)]
    public PipeHeader[]? RequestHeaders { get; init; }

    /// <summary>Headers that are set (or, without a value, removed) in what the visitor gets.</summary>
    [Key(11)]
    public PipeHeader[]? ResponseHeaders { get; init; }

    /// <summary>Who uses a carrier after its first visitor: <c>shared</c> or <c>per-visitor</c>. Absent: shared, and per visitor where the pipe has a visitor gate.</summary>
    [Key(12)]
    public string? Carriers { get; init; }

    /// <summary>Whether the last exchanges are kept for those who may inspect the pipe.</summary>
    [Key(13)]
    public bool? Inspect { get; init; }

    /// <summary>What visitors may use.</summary>
    [Key(14)]
    public VisitorLimits? Limits { get; init; }

    /// <summary>How long the resource may take until its answer begins, in milliseconds; absent: as long as it likes. Never for what is upgraded.</summary>
    [Key(15)]
    public long? HeaderTimeoutMs { get; init; }

    /// <summary>How long neither side may send anything once the answer has begun, in milliseconds; absent: as long as they like. Never for streams (WebSocket, server-sent events, gRPC).</summary>
    [Key(16)]
    public long? IdleTimeoutMs { get; init; }

    /// <summary>For a pipe into a channel: how long the first answer to the message is waited for, which then is the response, in milliseconds, at most 120,000. Absent: the response is 202 with the message's id.</summary>
    [Key(17)]
    public long? ReplyTimeoutMs { get; init; }

    /// <summary>
    /// For a shared hostname: the path by which each node that visitors come to asks each session's resource whether it is well, such as <c>/healthz</c>. One that does not answer below 400 is passed over until it does. Absent: only visitors find out.
    /// </summary>
    [Key(18)]
    public string? Health { get; init; }
}

/// <summary>A resource for the paths of a pipe that begin in one way.</summary>
[MessagePackObject]
public sealed record PipeRoute
{
    /// <summary>What the path begins with, by whole segments, such as <c>/api</c>; the longest one wins.</summary>
    [Key(0)]
    public string? Path { get; init; }

    /// <summary>What is served there, as <see cref="PipeRegistration.Resource"/>.</summary>
    [Key(1)]
    public string? Resource { get; init; }

    /// <summary>The Host header there; absent: the pipe's.</summary>
    [Key(2)]
    public string? HostHeader { get; init; }

    /// <summary>Whether <see cref="Path"/> is taken off before the resource sees the request.</summary>
    [Key(3)]
    public bool? Strip { get; init; }
}

/// <summary>One header that a pipe sets or removes.</summary>
[MessagePackObject]
public sealed record PipeHeader
{
    /// <summary>Its name.</summary>
    [Key(0)]
    public string? Name { get; init; }

    /// <summary>Its value; absent: the header is removed.</summary>
    [Key(1)]
    public string? Value { get; init; }
}

/// <summary>What visitors of a pipe may use, at each node. What is absent has no limit of the pipe's own.</summary>
[MessagePackObject]
public sealed record VisitorLimits
{
    /// <summary>Requests a minute of one visitor.</summary>
    [Key(0)]
    public int? RequestsPerMinute { get; init; }

    /// <summary>Requests of one visitor at once.</summary>
    [Key(1)]
    public int? Concurrent { get; init; }

    /// <summary>Bytes a second of one visitor, each way.</summary>
    [Key(2)]
    public long? BytesPerSecond { get; init; }

    /// <summary>Requests a minute of all visitors.</summary>
    [Key(3)]
    public int? PipeRequestsPerMinute { get; init; }

    /// <summary>Requests of all visitors at once.</summary>
    [Key(4)]
    public int? PipeConcurrent { get; init; }

    /// <summary>Bytes a second of all visitors, each way.</summary>
    [Key(5)]
    public long? PipeBytesPerSecond { get; init; }
}

/// <summary>What became of one pipe's registration.</summary>
[MessagePackObject]
public sealed record PipeResult
{
    /// <summary>The name as it was asked for.</summary>
    [Key(0)]
    public string? Requested { get; init; }

    /// <summary>The whole hostname, or <c>:PORT</c>: the pipe's key from now on.</summary>
    [Key(1)]
    public string? Name { get; init; }

    /// <summary>What visitors open.</summary>
    [Key(2)]
    public string? Url { get; init; }

    /// <summary>Why it was refused; then none of its request was registered.</summary>
    [Key(3)]
    public DuplexityError? Error { get; init; }
}
