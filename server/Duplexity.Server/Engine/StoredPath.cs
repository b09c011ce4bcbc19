using MessagePack;

namespace Duplexity.Server.Engine;

/// <summary>How a message came through message pipes, first pipe first, and how many appends pipes may still make of it. Kept on disk as <see cref="StoredMessage"/> is.</summary>
[MessagePackObject]
internal sealed record StoredPath
{
    [Key(0)]
    public required IReadOnlyList<StoredHop> Hops { get; init; }

    [Key(1)]
    public required int Budget { get; init; }
}

/// <summary>One pipe that a message passed.</summary>
[MessagePackObject]
internal sealed record StoredHop
{
    [Key(0)]
    public required string Owner { get; init; }

    [Key(1)]
    public required string Pipe { get; init; }

    /// <summary>The channel in which the pipe took it.</summary>
    [Key(2)]
    public required Address From { get; init; }

    /// <summary>The id of the message that it took there.</summary>
    [Key(3)]
    public required string MessageId { get; init; }
}
