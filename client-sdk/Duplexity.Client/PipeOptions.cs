using Duplexity.Protocol;

namespace Duplexity;

/// <summary>How a public pipe behaves.</summary>
public sealed record PipeOptions
{
    /// <summary>The Host header that the resource sees: <c>keep</c> (null, the default: the visitor's), <c>resource</c> (the resource's own), or any name.</summary>
    public string? HostHeader { get; init; }

    /// <summary>Whether <see cref="Pipe.Exchanges"/> tells of each visitor request.</summary>
    public bool Exchanges { get; init; }

    /// <summary>
    /// Who may visit: rules of which one must let the visitor in: <c>public</c>, <c>signed-in</c>, <c>client:bob</c> (<c>*</c> stands for any run of characters), <c>room:team</c> and <c>lockspace:x</c> (who may
    /// join it), <c>basic:USER:PASSWORD</c>, <c>bearer</c> (a token or API key in Authorization), <c>ip:10.0.0.0/8</c>, <c>link</c> (<see cref="Pipe.CreateLinkAsync"/>), <c>granted</c>
    /// (<see cref="Pipes.GrantAsync"/> alone). A TCP port takes <c>public</c> and <c>ip:</c> only, a private pipe <c>signed-in</c> and <c>client:</c>. Defaults to null: what the server says, <c>public</c> where it
    /// says nothing, and of a private pipe its owner alone.
    /// </summary>
    public IReadOnlyList<string>? Visitors { get; init; }

    /// <summary>What visitors may use, at each node. Defaults to null: no limits but the server's.</summary>
    public VisitorLimits? Limits { get; init; }

    /// <summary>
    /// Whether the server keeps the last exchanges of the pipe (headers, the first 64 KB of both bodies, times; secrets redacted; 4 MB of them, for as long as the pipe is registered) for <see cref="Pipes.ExchangesAsync"/> and for replays.
    /// Not for TCP pipes. Defaults to false: what visitors send is nobody's to read unless somebody wants to.
    /// </summary>
    public bool Inspect { get; init; }

    /// <summary>
    /// Whether other programs of the same client may serve the name at the same time, each with its part of the visitors; all of them ask for it. Defaults to false: the newer one takes over. When the connection is
    /// disposed, no further visitor comes and those who are being served are finished, for at most ten seconds.
    /// </summary>
    public bool Share { get; init; }

    /// <summary>For a shared hostname: whether a visitor stays with the program that served it first, by a cookie that the resource does not see. Defaults to false.</summary>
    public bool Sticky { get; init; }

    /// <summary>
    /// For a shared hostname: a path of the resource, such as <c>/healthz</c>, that nodes ask for (GET, every 5 s while visitors come) to see whether it is well: a status below 400 within 2.5 s. Who is not gets no visitor as long as another one is. Null, the default: visitors find
    /// out, who are then served by another one where nothing was sent yet.
    /// </summary>
    public string? Health { get; init; }

    /// <summary>
    /// Whether it has no public name: the connections of clients who dial it (<see cref="Pipes.DialAsync"/>) reach the resource, whatever it speaks, and nobody else does. Its name is a word (<c>db</c>) of the client's own,
    /// which others write as <c>amy/db</c>. Defaults to false.
    /// </summary>
    public bool Private { get; init; }

    /// <summary>The client whose pipe it is, one that the connection holds; it ends when that one leaves. Defaults to null: <see cref="Identities.Primary"/> when it is opened.</summary>
    public string? As { get; init; }

    /// <summary>What becomes of requests while this client is away. Defaults to <see cref="PipeOffline.Refuse"/>. Only for names that the caller chooses.</summary>
    public PipeOffline Offline { get; init; }

    /// <summary>For a pipe into a channel: how long a visitor waits for the first answer to the message (<see cref="Message.ReplyAsync"/>), which then is the response; 504 where there is none. At most two minutes. Defaults to null: the response is 202 with the message's id.</summary>
    public TimeSpan? Reply { get; init; }

    /// <summary>Further resources under the same hostname, by path: the longest one that covers a request by whole segments takes it, the pipe's own resource all others. Paths with dot segments or encoded slashes and dots are then refused.</summary>
    public IReadOnlyList<PipeRoute> Routes { get; init; } = [];

    /// <summary>Headers that are set, or without a value removed, in what the resource gets. Never those of framing and connection, <c>Host</c> or <c>Duplexity-*</c>.</summary>
    public IReadOnlyList<PipeHeader> RequestHeaders { get; init; } = [];

    /// <summary>Headers that are set, or without a value removed, in what the visitor gets.</summary>
    public IReadOnlyList<PipeHeader> ResponseHeaders { get; init; } = [];

    /// <summary>Whether a connection to the resource is used by other visitors once its first one has been answered: <c>shared</c> or <c>per-visitor</c>. Null, the default: shared, and per visitor where the pipe has a visitor gate. For HTTP at a hostname only: refused elsewhere, where each connection has its own.</summary>
    public string? Carriers { get; init; }

    /// <summary>How long the resource may take until its answer begins, counted anew with each piece of the visitor's body. Null, the default: as long as it likes. What is upgraded has no limit.</summary>
    public TimeSpan? HeaderTimeout { get; init; }

    /// <summary>How long neither side may send anything once the answer has begun. Null, the default: as long as they like. WebSockets, server-sent events and gRPC have no limit.</summary>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>Whether the certificate of an <c>https</c> or <c>h2</c> resource is taken as it is, such as a development server's self-signed one. The server does not know of it. Defaults to false: verified.</summary>
    public bool TakesAnyCertificate { get; init; }

    /// <summary>The rest of what is asked for, as it goes over the wire.</summary>
    internal PipeRegistration ToRegistration(string? name, string resource) => new()
    {
        Name = name,
        Resource = resource,
        HostHeader = HostHeader,
        Exchanges = Exchanges ? true : null,
        Share = Share ? true : null,
        Sticky = Sticky ? true : null,
        Health = Health,
        Private = Private ? true : null,
        Offline = Offline == PipeOffline.Queue ? "queue" : null,
        ReplyTimeoutMs = Reply is { } reply ? (long)reply.TotalMilliseconds : null,
        RequestHeaders = RequestHeaders.Count == 0 ? null : [.. RequestHeaders],
        ResponseHeaders = ResponseHeaders.Count == 0 ? null : [.. ResponseHeaders],
        Carriers = Carriers,
        HeaderTimeoutMs = (long?)HeaderTimeout?.TotalMilliseconds,
        IdleTimeoutMs = (long?)IdleTimeout?.TotalMilliseconds,
        Visitors = Visitors is null ? null : string.Join(',', Visitors),
        Limits = Limits,
        Inspect = Inspect ? true : null,
    };
}
