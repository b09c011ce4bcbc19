using MessagePack;

namespace Duplexity.Protocol;

/// <summary>Begins to trace messages, or asks for the trace of one. For administrators.</summary>
[MessagePackObject]
public sealed record TraceRequest : Request
{
    /// <summary>Trace from now on what <c>client:CID</c> sends, or what is sent to a channel; one of this and <see cref="MessageId"/>.</summary>
    [Key(1)]
    public string? Start { get; init; }

    /// <summary>With <see cref="Start"/>: for how many minutes, 1 to 60; absent: 5.</summary>
    [Key(2)]
    public int? Minutes { get; init; }

    /// <summary>The message whose way is asked for.</summary>
    [Key(3)]
    public string? MessageId { get; init; }
}

/// <summary>Answers Trace.</summary>
[MessagePackObject]
public sealed record TraceResponse : Answer
{
    /// <summary>With <c>messageId</c>: its way so far, in order.</summary>
    [Key(1)]
    public TraceHop[]? Hops { get; init; }

    /// <summary>How many more hops there were than are kept.</summary>
    [Key(2)]
    public int? LeftOut { get; init; }

    /// <summary>With <c>start</c>: until when is traced, in milliseconds since 1970 UTC.</summary>
    [Key(3)]
    public long? Until { get; init; }
}

/// <summary>What one step did with a message.</summary>
[MessagePackObject]
public sealed record TraceHop
{
    /// <summary>The step: <c>ingress</c>, <c>service</c>, <c>cooked</c>, <c>entry</c> or <c>egress</c>.</summary>
    [Key(0)]
    public string Step { get; init; } = "";

    /// <summary>What happened: <c>entered</c>, <c>passed</c>, <c>refused</c>, <c>held</c>, <c>delivered</c> or <c>dead_letter</c>.</summary>
    [Key(1)]
    public string Action { get; init; } = "";

    /// <summary>When, in milliseconds since 1970 UTC.</summary>
    [Key(2)]
    public long At { get; init; }

    /// <summary>At which address.</summary>
    [Key(3)]
    public string? Target { get; init; }

    /// <summary>Why it was refused, with the gate.</summary>
    [Key(4)]
    public DuplexityError? Error { get; init; }
}
