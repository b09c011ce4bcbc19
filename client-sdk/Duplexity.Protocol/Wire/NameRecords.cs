using MessagePack;

namespace Duplexity.Protocol;

/// <summary>A public name that a client keeps for itself, with all below it, whether a program serves it or not.</summary>
[MessagePackObject]
public sealed record NameInfo
{
    /// <summary>The hostname, in lower case and ASCII.</summary>
    [Key(0)]
    public string Name { get; init; } = "";

    /// <summary>Whose it is.</summary>
    [Key(1)]
    public string Client { get; init; } = "";

    /// <summary>When it was reserved, in milliseconds since 1970 UTC.</summary>
    [Key(2)]
    public long Since { get; init; }

    /// <summary>When another client may have it, in milliseconds since 1970 UTC, where it was released; absent: it was not.</summary>
    [Key(3)]
    public long? FreeAt { get; init; }
}

/// <summary>Reserves a name for the acting client. The client's own already is no error.</summary>
[MessagePackObject]
public sealed record ReserveNameRequest : Request
{
    /// <summary>A label under the server's domain (<c>cat1</c>), or a hostname of the client's own (<c>cat1.example.com</c>).</summary>
    [Key(1)]
    public string? Name { get; init; }
}

/// <summary>Lets go of a name of the acting client, or of whom it may administer. It rests before another client may have it.</summary>
[MessagePackObject]
public sealed record ReleaseNameRequest : Request
{
    /// <summary>The name, as it was reserved.</summary>
    [Key(1)]
    public string? Name { get; init; }
}

/// <summary>Lists the names that the acting client, or one that it may administer, has reserved.</summary>
[MessagePackObject]
public sealed record ListNamesRequest : Request
{
    /// <summary>Whose: a CID, or <c>*</c> for all, for an administrator; absent: the acting client's own.</summary>
    [Key(1)]
    public string? Client { get; init; }
}

/// <summary>Answers ReserveName (the one) and ListNames (all).</summary>
[MessagePackObject]
public sealed record NamesResponse : Answer
{
    /// <summary>The names, in order; those that rest since their release included.</summary>
    [Key(1)]
    public NameInfo[]? Names { get; init; }
}
