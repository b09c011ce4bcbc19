namespace Duplexity;

/// <summary>What a replay of an exchange changes of its request. What is null stays as it was.</summary>
public sealed record ReplayChanges
{
    /// <summary>Another method.</summary>
    public string? Method { get; init; }

    /// <summary>Another path and query, beginning with <c>/</c>.</summary>
    public string? Target { get; init; }

    /// <summary>Headers that are set in the place of those of their names; with the value null they are left out. Framing headers, <c>Connection</c> and <c>Host</c> are the server's.</summary>
    public IReadOnlyDictionary<string, string?>? Headers { get; init; }

    /// <summary>Another body; with the headers it may have at most 64 KB. Null: as it was, which must have been kept whole.</summary>
    public ReadOnlyMemory<byte>? Body { get; init; }
}

/// <summary>A replay that has begun.</summary>
/// <param name="Id">The id of the exchange that comes of it.</param>
/// <param name="Omitted">What the first request had and this one has not, because it was redacted, such as <c>header Authorization</c>.</param>
public sealed record Replay(string Id, IReadOnlyList<string> Omitted);
