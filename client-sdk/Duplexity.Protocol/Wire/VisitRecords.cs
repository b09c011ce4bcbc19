using MessagePack;

namespace Duplexity.Protocol;

/// <summary>
/// Makes a link by which whoever has it visits a pipe of the acting client whose visitors include <c>link</c>. It is kept nowhere, belongs to the session that serves the pipe now, and ends with it or with its time.
/// </summary>
[MessagePackObject]
public sealed record CreateLinkRequest : Request
{
    /// <summary>The pipe's whole hostname, or its label under the server's domain; of a wildcard's pipe the host that the link leads to, and is good for.</summary>
    [Key(1)]
    public string? Pipe { get; init; }

    /// <summary>For how long, in milliseconds, up to 30 days; absent: an hour.</summary>
    [Key(2)]
    public long? ForMs { get; init; }

    /// <summary>With which methods, such as <c>GET</c>, at most 16; absent: any.</summary>
    [Key(3)]
    public string[]? Methods { get; init; }

    /// <summary>At or below which path, by whole segments, such as <c>/docs</c>; absent: everywhere.</summary>
    [Key(4)]
    public string? Path { get; init; }
}

/// <summary>A link for visitors.</summary>
[MessagePackObject]
public sealed record CreateLinkResponse : Answer
{
    /// <summary>What the visitor opens: a secret.</summary>
    [Key(1)]
    public string? Url { get; init; }

    /// <summary>When it ends, in milliseconds since 1970 UTC.</summary>
    [Key(2)]
    public long? ExpiresAt { get; init; }

    /// <summary>The record's name without the link, for logs (G14).</summary>
    public override string ToString() => nameof(CreateLinkResponse);
}

/// <summary>Lets one client visit a pipe of the acting client for a while, beside the pipe's own rules; in force on all nodes when it is answered.</summary>
[MessagePackObject]
public sealed record GrantVisitRequest : Request
{
    /// <summary>The pipe's whole hostname, or its label under the server's domain.</summary>
    [Key(1)]
    public string? Pipe { get; init; }

    /// <summary>Who may.</summary>
    [Key(2)]
    public string? Client { get; init; }

    /// <summary>For how long, in milliseconds, up to 30 days; absent: an hour.</summary>
    [Key(3)]
    public long? ForMs { get; init; }

    /// <summary>With which methods, such as <c>GET</c>, at most 16; absent: any.</summary>
    [Key(4)]
    public string[]? Methods { get; init; }

    /// <summary>At or below which path, by whole segments, such as <c>/docs</c>; absent: everywhere.</summary>
    [Key(5)]
    public string? Path { get; init; }
}

/// <summary>What was granted.</summary>
[MessagePackObject]
public sealed record GrantVisitResponse : Answer
{
    /// <summary>It.</summary>
    [Key(1)]
    public VisitGrantInfo? Grant { get; init; }
}

/// <summary>That one client may visit one pipe for a while.</summary>
[MessagePackObject]
public sealed record VisitGrantInfo
{
    /// <summary>The pipe's whole hostname.</summary>
    [Key(0)]
    public string Pipe { get; init; } = "";

    /// <summary>Who may.</summary>
    [Key(1)]
    public string Client { get; init; } = "";

    /// <summary>Until when, in milliseconds since 1970 UTC.</summary>
    [Key(2)]
    public long ExpiresAt { get; init; }

    /// <summary>With which methods; absent: any.</summary>
    [Key(3)]
    public string[]? Methods { get; init; }

    /// <summary>At or below which path; absent: everywhere.</summary>
    [Key(4)]
    public string? Path { get; init; }
}

/// <summary>Asks for the grants of visits that the acting client has given and that are in force.</summary>
[MessagePackObject]
public sealed record ListVisitGrantsRequest : Request;

/// <summary>Grants, by pipe and client.</summary>
[MessagePackObject]
public sealed record ListVisitGrantsResponse : Answer
{
    /// <summary>They.</summary>
    [Key(1)]
    public VisitGrantInfo[]? Grants { get; init; }
}

/// <summary>Withdraws all that the acting client has granted to a client at a pipe: who is being served by it is cut off.</summary>
[MessagePackObject]
public sealed record WithdrawVisitRequest : Request
{
    /// <summary>The pipe's whole hostname, or its label under the server's domain.</summary>
    [Key(1)]
    public string? Pipe { get; init; }

    /// <summary>Who may no more.</summary>
    [Key(2)]
    public string? Client { get; init; }
}

/// <summary>What was withdrawn.</summary>
[MessagePackObject]
public sealed record WithdrawVisitResponse : Answer
{
    /// <summary>How many grants.</summary>
    [Key(1)]
    public int? Grants { get; init; }

    /// <summary>How many nodes have not said that they know it yet.</summary>
    [Key(2)]
    public int? Pending { get; init; }
}
