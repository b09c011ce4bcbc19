using MessagePack;

namespace Duplexity.Protocol;

/// <summary>A lock and the fencing token of one of its grants.</summary>
[MessagePackObject]
public sealed record LockToken
{
    /// <summary>The lock, as <c>SPACE/NAME</c>.</summary>
    [Key(0)]
    public string? Lock { get; init; }

    /// <summary>The token of the grant.</summary>
    [Key(1)]
    public long? Token { get; init; }
}

/// <summary>Asks for an exclusive lock. It never waits: where somebody else has it, the answer is <c>queued</c> or <c>taken</c>.</summary>
[MessagePackObject]
public sealed record AcquireLockRequest : Request
{
    /// <summary>The name of the lockspace. One that nobody made is there by its use, for locks alone.</summary>
    [Key(1)]
    public string? Lockspace { get; init; }

    /// <summary>The lock's name, without a slash.</summary>
    [Key(2)]
    public string? Name { get; init; }

    /// <summary>How long it is held without being renewed, in milliseconds, 1,000 to 300,000; absent: 30,000.</summary>
    [Key(3)]
    public long? LeaseMs { get; init; }

    /// <summary>How long to stand in line for it, in milliseconds, at most an hour; absent or 0: not at all.</summary>
    [Key(4)]
    public long? WaitMs { get; init; }

    /// <summary>The client's own name for this request, at most 128 characters: events name it, and a repetition with it is the same request. Absent: the server draws one.</summary>
    [Key(5)]
    public string? Ticket { get; init; }

    /// <summary>The token under which the same client holds the lock from another socket, one that is lost: takes it over from there, with a new token. So does any token with the ticket of that grant; 0 where it is not known.</summary>
    [Key(6)]
    public long? Token { get; init; }
}

/// <summary>Answers AcquireLock.</summary>
[MessagePackObject]
public sealed record AcquireLockResponse : Answer
{
    /// <summary>A word of <see cref="LockState"/>: <c>granted</c>, <c>queued</c> or <c>taken</c>.</summary>
    [Key(1)]
    public string? State { get; init; }

    /// <summary>The request's ticket.</summary>
    [Key(2)]
    public string? Ticket { get; init; }

    /// <summary>The fencing token: of this grant; or, while the acting client itself holds the lock from another socket, of that one.</summary>
    [Key(3)]
    public long? Token { get; init; }

    /// <summary>The lease in milliseconds, from the moment at which the server took the request.</summary>
    [Key(4)]
    public long? LeaseMs { get; init; }

    /// <summary>With <c>queued</c> the place in line, from 1; with <c>taken</c> how many are in line.</summary>
    [Key(5)]
    public int? Position { get; init; }

    /// <summary>The CID that holds the lock, where it is not granted.</summary>
    [Key(6)]
    public string? Holder { get; init; }

    /// <summary>When the holder's lease ends if it is not renewed, in milliseconds from now.</summary>
    [Key(7)]
    public long? FreesInMs { get; init; }
}

/// <summary>Lets the lease of a lock begin anew, with its old length.</summary>
[MessagePackObject]
public sealed record RenewLockRequest : Request
{
    /// <summary>The name of the lockspace.</summary>
    [Key(1)]
    public string? Lockspace { get; init; }

    /// <summary>The lock's name.</summary>
    [Key(2)]
    public string? Name { get; init; }

    /// <summary>The token of the grant.</summary>
    [Key(3)]
    public long? Token { get; init; }
}

/// <summary>Answers RenewLock.</summary>
[MessagePackObject]
public sealed record RenewLockResponse : Answer
{
    /// <summary>The lease in milliseconds, from the moment at which the server took the request.</summary>
    [Key(1)]
    public long? LeaseMs { get; init; }
}

/// <summary>Gives a lock back (with its token), or stops waiting for it (with the ticket).</summary>
[MessagePackObject]
public sealed record ReleaseLockRequest : Request
{
    /// <summary>The name of the lockspace.</summary>
    [Key(1)]
    public string? Lockspace { get; init; }

    /// <summary>The lock's name.</summary>
    [Key(2)]
    public string? Name { get; init; }

    /// <summary>The token of the grant; one of this and the ticket.</summary>
    [Key(3)]
    public long? Token { get; init; }

    /// <summary>The ticket of a request that waits.</summary>
    [Key(4)]
    public string? Ticket { get; init; }
}

/// <summary>Takes a lock from whoever holds it: for who made the lockspace, and for who may administer everybody.</summary>
[MessagePackObject]
public sealed record BreakLockRequest : Request
{
    /// <summary>The name of the lockspace.</summary>
    [Key(1)]
    public string? Lockspace { get; init; }

    /// <summary>The lock's name.</summary>
    [Key(2)]
    public string? Name { get; init; }
}

/// <summary>Something happened to a lock that a client of this socket holds, held or waits for.</summary>
[MessagePackObject]
public sealed record LockChangedEvent
{
    /// <summary>The lockspace's name.</summary>
    [Key(0)]
    public string Lockspace { get; init; } = "";

    /// <summary>The lock's name.</summary>
    [Key(1)]
    public string Name { get; init; } = "";

    /// <summary>What happened, a word of <see cref="LockState"/>.</summary>
    [Key(2)]
    public string State { get; init; } = "";

    /// <summary>Whom it concerns: the holder, the one that was it, or the one that waited.</summary>
    [Key(3)]
    public Origin Holder { get; init; } = new();

    /// <summary>The token of the grant; absent for one that waited.</summary>
    [Key(4)]
    public long? Token { get; init; }

    /// <summary>The ticket of that one's request; only to itself.</summary>
    [Key(5)]
    public string? Ticket { get; init; }

    /// <summary>With <c>granted</c>: the lease in milliseconds, from the moment at which it was granted.</summary>
    [Key(6)]
    public long? LeaseMs { get; init; }

    /// <summary>How many are in line.</summary>
    [Key(7)]
    public int Waiting { get; init; }
}
