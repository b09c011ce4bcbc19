using MessagePack;

namespace Duplexity.Protocol;

/// <summary>A message that an inbox gave up: it was offered as often as it may be and never acknowledged.</summary>
[MessagePackObject]
public sealed record DeadLetter
{
    /// <summary>The message as it was offered.</summary>
    [Key(0)]
    public DeliveredMessage Message { get; init; } = new();

    /// <summary>How often it was offered.</summary>
    [Key(1)]
    public int Attempts { get; init; }

    /// <summary>When it was given up, in milliseconds since 1970 UTC.</summary>
    [Key(2)]
    public long At { get; init; }
}
