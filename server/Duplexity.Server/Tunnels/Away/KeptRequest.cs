using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using MessagePack;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>A visitor's request as it is kept, sealed. Immutable; its keys are kept as those of <see cref="StoredMessage"/>.</summary>
[MessagePackObject]
internal sealed record KeptRequest
{
    /// <summary>What its sender was told, and the resource is.</summary>
    [Key(0)]
    public required string Id { get; init; }

    [Key(1)]
    public required string Method { get; init; }

    /// <summary>Path and query as they came.</summary>
    [Key(2)]
    public required string Target { get; init; }

    [Key(3)]
    public required string Host { get; init; }

    [Key(4)]
    public required string Scheme { get; init; }

    /// <summary>Those of the request itself: what concerns the connection it came on is left out.</summary>
    [Key(5)]
    public required IReadOnlyList<KeptHeader> Headers { get; init; }

    [Key(6)]
    public required byte[] Body { get; init; }

    /// <summary>How often it was sent before it was put into the queue anew.</summary>
    [Key(7)]
    public int Attempts { get; init; }

    /// <summary>As whom its visitor had passed the gates, as <see cref="IVisitorIdentities.Keep"/> writes it down; null: as nobody known.</summary>
    [Key(8)]
    public string? Visitor { get; init; }

    /// <summary>The visitor's address.</summary>
    [Key(9)]
    public string? Address { get; init; }

    /// <summary>Whether the visitor had shown who it is by a token or a key.</summary>
    [Key(10)]
    public bool IsByToken { get; init; }
}

/// <summary>A header and its values.</summary>
[MessagePackObject]
internal sealed record KeptHeader([property: Key(0)] string Name, [property: Key(1)] string[] Values);
