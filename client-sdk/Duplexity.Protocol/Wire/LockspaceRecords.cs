using MessagePack;

namespace Duplexity.Protocol;

/// <summary>Makes a lockspace, or changes one that the acting client has made: what is absent is off.</summary>
[MessagePackObject]
public sealed record CreateLockspaceRequest : Request
{
    /// <summary>Its name.</summary>
    [Key(1)]
    public string? Name { get; init; }

    /// <summary>Whether it has an open channel: its address takes messages, and what happens to its members and locks is told there.</summary>
    [Key(2)]
    public bool? Channel { get; init; }

    /// <summary>Whether it holds whoever enters: as that client, that socket talks to the lockspace alone until it is released.</summary>
    [Key(3)]
    public bool? Hold { get; init; }

    /// <summary>With <c>hold</c>: who leaves with this key is let out, at most 128 characters. Kept as a hash.</summary>
    [Key(4)]
    public string? Key { get; init; }

    /// <summary>With <c>hold</c>: what is to be done there, told to who enters, at most 1,024 characters.</summary>
    [Key(5)]
    public string? Task { get; init; }
}

/// <summary>Forgets a lockspace: whoever it holds is released, and from then on it is one that nobody made. For its owner, and for who may administer everybody.</summary>
[MessagePackObject]
public sealed record RemoveLockspaceRequest : Request
{
    /// <summary>Its name.</summary>
    [Key(1)]
    public string? Name { get; init; }
}

/// <summary>What happened to a member of a lockspace: on its channel, the body of messages of the type <c>duplexity.member</c>.</summary>
[MessagePackObject]
public sealed record LockspaceMemberEvent
{
    /// <summary>The lockspace's name.</summary>
    [Key(0)]
    public string Lockspace { get; init; } = "";

    /// <summary>A word of <see cref="MemberChange"/>.</summary>
    [Key(1)]
    public string Change { get; init; } = "";

    /// <summary>Who.</summary>
    [Key(2)]
    public Origin Member { get; init; } = new();
}

/// <summary>Admits a client to come and go: the lockspace does not hold it any more, now and later. For its owner, and for who may administer everybody.</summary>
[MessagePackObject]
public sealed record AdmitRequest : Request
{
    /// <summary>The lockspace's name.</summary>
    [Key(1)]
    public string? Lockspace { get; init; }

    /// <summary>The CID.</summary>
    [Key(2)]
    public string? Client { get; init; }
}

/// <summary>Lets a client out, this once, and out of those lockspaces that it entered from there. For the owner, and for who may administer everybody.</summary>
[MessagePackObject]
public sealed record ReleaseRequest : Request
{
    /// <summary>The lockspace's name.</summary>
    [Key(1)]
    public string? Lockspace { get; init; }

    /// <summary>The CID.</summary>
    [Key(2)]
    public string? Client { get; init; }

    /// <summary>On which of its sockets; absent: on all.</summary>
    [Key(3)]
    public string? SocketId { get; init; }
}

/// <summary>Brings a client back to a lockspace: out of those that it entered from there. For that lockspace's owner, and for who may administer everybody.</summary>
[MessagePackObject]
public sealed record ReleaseToRequest : Request
{
    /// <summary>The name of the lockspace that holds it again.</summary>
    [Key(1)]
    public string? Lockspace { get; init; }

    /// <summary>The CID.</summary>
    [Key(2)]
    public string? Client { get; init; }

    /// <summary>On which of its sockets; absent: on all.</summary>
    [Key(3)]
    public string? SocketId { get; init; }
}

/// <summary>Moves a client from one lockspace that holds it to another one. For the owner of both, and for who may administer everybody.</summary>
[MessagePackObject]
public sealed record MoveToRequest : Request
{
    /// <summary>The name of the lockspace that holds it.</summary>
    [Key(1)]
    public string? Lockspace { get; init; }

    /// <summary>The name of the lockspace that holds it from then on.</summary>
    [Key(2)]
    public string? To { get; init; }

    /// <summary>The CID.</summary>
    [Key(3)]
    public string? Client { get; init; }

    /// <summary>On which of its sockets; absent: on all.</summary>
    [Key(4)]
    public string? SocketId { get; init; }
}

/// <summary>Answers Admit, Release, ReleaseTo and MoveTo.</summary>
[MessagePackObject]
public sealed record HeldResponse : Answer
{
    /// <summary>On how many sockets of the client it changed something.</summary>
    [Key(1)]
    public int? Sockets { get; init; }
}

/// <summary>A client of this socket is held by a lockspace, or by another one, or by none any more.</summary>
[MessagePackObject]
public sealed record HeldChangedEvent
{
    /// <summary>The CID.</summary>
    [Key(0)]
    public string Client { get; init; } = "";

    /// <summary>What happened, a word of <see cref="MemberChange"/>.</summary>
    [Key(1)]
    public string Change { get; init; } = "";

    /// <summary>The lockspaces that hold it, the outermost first; the last one is the one it talks to. Empty: it is free.</summary>
    [Key(2)]
    public string[] Stack { get; init; } = [];

    /// <summary>What is to be done in the last one.</summary>
    [Key(3)]
    public string? Task { get; init; }
}
