using MessagePack;

namespace Duplexity.Protocol;

/// <summary>Orders a client to open a carrier for a visitor connection.</summary>
[MessagePackObject]
public sealed record CarryOrder
{
    /// <summary>The pipe that the visitor is at.</summary>
    [Key(0)]
    public string Pipe { get; init; } = "";

    /// <summary>The generation of that pipe's registration; the client carries none but its own.</summary>
    [Key(1)]
    public long Generation { get; init; }

    /// <summary>The WebSocket to open, on the node where the visitor is; its origin must be one of those that Discover listed.</summary>
    [Key(2)]
    public string Uri { get; init; } = "";

    /// <summary>256 random bits for the header <c>Duplexity-Carry</c>; once, within 10 seconds.</summary>
    [Key(3)]
    public string Ticket { get; init; } = "";

    /// <summary>The path of the pipe's route whose resource is to be dialled, as it was registered; absent: the pipe's own resource.</summary>
    [Key(4)]
    public string? Route { get; init; }

    /// <summary>The record's name without the ticket, for logs (G14).</summary>
    public override string ToString() => nameof(CarryOrder);
}

/// <summary>What visitors did at pipes whose registration asked for it. Live only; what a full queue left out is counted.</summary>
[MessagePackObject]
public sealed record ExchangesEvent
{
    /// <summary>The exchanges, oldest first, at most 100.</summary>
    [Key(0)]
    public ExchangeInfo[] Exchanges { get; init; } = [];

    /// <summary>How many more there were since the last event.</summary>
    [Key(1)]
    public int LeftOut { get; init; }
}

/// <summary>One visitor request, or one visitor connection of a TCP pipe.</summary>
[MessagePackObject]
public sealed record ExchangeInfo
{
    /// <summary>The pipe's name.</summary>
    [Key(0)]
    public string Pipe { get; init; } = "";

    /// <summary>When it began, in milliseconds since 1970 UTC.</summary>
    [Key(1)]
    public long At { get; init; }

    /// <summary>The method; absent for TCP.</summary>
    [Key(2)]
    public string? Method { get; init; }

    /// <summary>Path and query as the visitor sent them, cut at 256 characters; absent for TCP.</summary>
    [Key(3)]
    public string? Target { get; init; }

    /// <summary>The status; absent for TCP.</summary>
    [Key(4)]
    public int? Status { get; init; }

    /// <summary>How long it took, in milliseconds.</summary>
    [Key(5)]
    public double DurationMs { get; init; }
}
