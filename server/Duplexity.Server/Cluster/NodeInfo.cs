namespace Duplexity.Server.Cluster;

/// <summary>What a node tells the others about itself.</summary>
internal sealed record NodeInfo
{
    public required string Name { get; init; }

    /// <summary>See <see cref="Node.Life"/>.</summary>
    public required string Life { get; init; }

    /// <summary>The product's version.</summary>
    public required string Version { get; init; }

    public required DateTimeOffset Since { get; init; }

    /// <summary>Where the other nodes reach it; null: nowhere.</summary>
    public Uri? InternalUrl { get; init; }

    /// <summary>Its own public address; null: it has none.</summary>
    public Uri? Url { get; init; }

    /// <summary>Whether it has started, and serves.</summary>
    public bool IsReady { get; init; }

    /// <summary>Whether it is being emptied: nobody new is sent there.</summary>
    public bool IsDraining { get; init; }

    /// <summary>Whether it serves visitors, and has no clients.</summary>
    public bool IsFront { get; init; }

    /// <summary>How much it has to do: of each sort of connection, how many.</summary>
    public IReadOnlyDictionary<string, int> Load { get; init; } = new Dictionary<string, int>();
}

/// <summary>One figure of a node's load.</summary>
internal interface INodeLoad
{
    /// <summary>What is counted: <c>sockets</c>.</summary>
    string Name { get; }

    /// <summary>How many there are now.</summary>
    int Count { get; }
}
