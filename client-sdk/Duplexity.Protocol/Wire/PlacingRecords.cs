using MessagePack;

namespace Duplexity.Protocol;

/// <summary>The server has let a client of this socket listen to a channel, as if it had joined.</summary>
[MessagePackObject]
public sealed record JoinedEvent
{
    /// <summary>The channel.</summary>
    [Key(0)]
    public string Channel { get; init; } = "";

    /// <summary>The client that listens now, one that the socket holds.</summary>
    [Key(1)]
    public string Client { get; init; } = "";

    /// <summary>The place that the first delivery follows.</summary>
    [Key(2)]
    public Position Position { get; init; } = Position.Start;

    /// <summary>The lockspace from which its owner moved the client here; absent: it was let in.</summary>
    [Key(3)]
    public string? From { get; init; }
}

/// <summary>The server has ended what a client of this socket listened to.</summary>
[MessagePackObject]
public sealed record LeftEvent
{
    /// <summary>The channel.</summary>
    [Key(0)]
    public string Channel { get; init; } = "";

    /// <summary>The client that does not listen any more, one that the socket holds.</summary>
    [Key(1)]
    public string Client { get; init; } = "";

    /// <summary>The reason in a sentence.</summary>
    [Key(2)]
    public string Reason { get; init; } = "";
}
