using MessagePack;

namespace Duplexity.Protocol;

/// <summary>How visitors use a public pipe, at the node that answers.</summary>
[MessagePackObject]
public sealed record PipeUse
{
    /// <summary>Exchanges that have ended since its client registered it, over reconnects: requests, or connections of a TCP pipe.</summary>
    [Key(0)]
    public long Exchanges { get; init; }

    /// <summary>Carriers that are open now, those included that wait for the next visitor.</summary>
    [Key(1)]
    public int Carriers { get; init; }
}

/// <summary>Begins to watch the public pipes of the acting client (an administrator: of another one, or of all). Events come as PipesChanged until the client leaves the connection or stops it. At most 16 watches of a client on a connection.</summary>
[MessagePackObject]
public sealed record WatchPipesRequest : Request
{
    /// <summary>Whose: a CID, or <c>*</c> for all; absent: the acting client's own.</summary>
    [Key(1)]
    public string? Client { get; init; }

    /// <summary>Stops watching instead.</summary>
    [Key(2)]
    public bool? Stop { get; init; }

    /// <summary>The caller's own name for this watch, at most 128 characters, which its events repeat; the acting client's earlier watch of that name ends. Absent: the one without a name.</summary>
    [Key(3)]
    public string? Watch { get; init; }
}

/// <summary>What happened to watched pipes: at most one event a pipe and quarter of a second.</summary>
[MessagePackObject]
public sealed record PipesChangedEvent
{
    /// <summary>The changes, in order.</summary>
    [Key(0)]
    public PipeChange[] Changes { get; init; } = [];

    /// <summary>The name of the watch, as WatchPipes gave it.</summary>
    [Key(1)]
    public string? Watch { get; init; }
}

/// <summary>One change of one public pipe.</summary>
[MessagePackObject]
public sealed record PipeChange
{
    /// <summary>A word of <see cref="PipeChangeKind"/>.</summary>
    [Key(0)]
    public string Kind { get; init; } = "";

    /// <summary>The pipe as it is now (as it was, where it is gone).</summary>
    [Key(1)]
    public PipeInfo Pipe { get; init; } = new();
}

/// <summary>
/// Closes a public pipe of the acting client, of whichever session (of anyone, for an administrator): its visitors are cut off, its session is told by PipeClosed, and that session's
/// registration of the name is refused for five minutes (G21). What is not there, and what the client may not close, is 203.
/// </summary>
[MessagePackObject]
public sealed record ClosePipeRequest : Request
{
    /// <summary>The pipe's whole hostname, its label under the server's domain, or <c>:PORT</c>.</summary>
    [Key(1)]
    public string? Name { get; init; }

    /// <summary>What its session is told.</summary>
    [Key(2)]
    public string? Reason { get; init; }
}

/// <summary>A pipe of this connection was closed by its owner from elsewhere, or by an administrator.</summary>
[MessagePackObject]
public sealed record PipeClosedEvent
{
    /// <summary>The pipe's name.</summary>
    [Key(0)]
    public string Name { get; init; } = "";

    /// <summary>Under which generation it was registered; a newer registration is another pipe.</summary>
    [Key(1)]
    public long Generation { get; init; }

    /// <summary>Why: 521, with the reason that was given.</summary>
    [Key(2)]
    public DuplexityError Error { get; init; } = DuplexityError.Of(Errors.ForcedOut, "");
}
