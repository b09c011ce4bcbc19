using Duplexity.Protocol;

namespace Duplexity.Server;

/// <summary>
/// Lockspaces and locks, from the application's own code. It has no socket: it is in no lockspace and held by none, and its locks last as long as it renews them. Thread-safe; a singleton,
/// <see cref="IDuplexity.Lockspaces"/>.
/// </summary>
public interface IDuplexityLockspaces
{
    /// <summary>Makes a lockspace, or changes one that the same owner has made. One that nobody made has locks by its use.</summary>
    /// <param name="name">Its name, without <c>lockspace:</c>.</param>
    /// <param name="channel">Whether its address takes messages, and tells of its members and locks.</param>
    /// <param name="hold">Whether it holds whoever enters, until released.</param>
    /// <param name="key">With <paramref name="hold"/>: who leaves with this key is let out, at most 128 characters.</param>
    /// <param name="task">With <paramref name="hold"/>: what is to be done there, at most 1,024 characters.</param>
    /// <param name="owner">Whose it is, a CID; null: the application's own.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="DuplexityException">It cannot be so (102, 103), somebody else has made it (205), or the owner has made too many (310) or was removed (205).</exception>
    Task CreateAsync(string name, bool channel = false, bool hold = false, string? key = null, string? task = null, string? owner = null, CancellationToken ct = default);

    /// <summary>Forgets a lockspace: whoever it holds is released.</summary>
    /// <exception cref="DuplexityException">Nobody has made it (203).</exception>
    Task RemoveAsync(string name, CancellationToken ct = default);

    /// <summary>Admits a client to come and go: it is not held any more, now and later. Returns how many of its sockets are free by it.</summary>
    /// <exception cref="DuplexityException">Nobody has made the lockspace (203).</exception>
    Task<int> AdmitAsync(string lockspace, string client, CancellationToken ct = default);

    /// <summary>Lets a client out, this once, and out of those that it entered from there. Returns on how many of its sockets; <paramref name="socketId"/> null: on all of them.</summary>
    /// <exception cref="DuplexityException">Nobody has made the lockspace (203).</exception>
    Task<int> ReleaseAsync(string lockspace, string client, string? socketId = null, CancellationToken ct = default);

    /// <summary>Brings a client back to a lockspace: out of those that it entered from there; as <see cref="ReleaseAsync"/>.</summary>
    /// <exception cref="DuplexityException">Nobody has made the lockspace (203).</exception>
    Task<int> ReleaseToAsync(string lockspace, string client, string? socketId = null, CancellationToken ct = default);

    /// <summary>Moves a client from one lockspace that holds it to another one that holds; as <see cref="ReleaseAsync"/>.</summary>
    /// <exception cref="DuplexityException">Nobody has made one of the two (203), or the other one does not hold (102).</exception>
    Task<int> MoveToAsync(string lockspace, string to, string client, string? socketId = null, CancellationToken ct = default);

    /// <summary>
    /// Asks for a lock; never waits. The answer's <see cref="AcquireLockResponse.State"/> is <c>granted</c> with the fencing token, <c>taken</c>, or, with <paramref name="wait"/>, <c>queued</c>: ask again with the
    /// same ticket to learn what became of it. Renew a granted lock well before its lease is over, and send <see cref="SendOptions.Under"/> it.
    /// </summary>
    /// <param name="lockspace">The lockspace's name.</param>
    /// <param name="name">The lock's name, without a slash.</param>
    /// <param name="lease">How long it is held without being renewed; null: <see cref="LockOptions.Lease"/>.</param>
    /// <param name="wait">How long to stand in line; null: not at all.</param>
    /// <param name="ticket">The caller's own name for this request: a repetition with it is the same request. Null: one is drawn, and is in the answer.</param>
    /// <param name="ct">Not looked at once the lock is asked for: a grant is never lost on its way.</param>
    /// <exception cref="DuplexityException">A name or time cannot be (102, 103), a gate of the application refuses, or there are too many (312).</exception>
    Task<AcquireLockResponse> AcquireLockAsync(string lockspace, string name, TimeSpan? lease = null, TimeSpan? wait = null, string? ticket = null, CancellationToken ct = default);

    /// <summary>Lets the lease of a lock of the application begin anew.</summary>
    /// <exception cref="DuplexityException">It does not hold the lock under that token, or not any more (209).</exception>
    Task RenewLockAsync(string lockspace, string name, long token, CancellationToken ct = default);

    /// <summary>Gives a lock of the application back.</summary>
    /// <exception cref="DuplexityException">It does not hold the lock under that token, or not any more (209).</exception>
    Task ReleaseLockAsync(string lockspace, string name, long token, CancellationToken ct = default);

    /// <summary>Stops waiting for a lock.</summary>
    /// <exception cref="DuplexityException">Nothing waits under that ticket, or not any more (209).</exception>
    Task WithdrawLockAsync(string lockspace, string name, string ticket, CancellationToken ct = default);

    /// <summary>Takes a lock from whoever holds it.</summary>
    /// <exception cref="DuplexityException">Nobody holds it (209).</exception>
    Task BreakLockAsync(string lockspace, string name, CancellationToken ct = default);

    /// <summary>Who holds a lock; null: nobody. It may change hands before the caller has read the answer: only the token decides.</summary>
    /// <exception cref="DuplexityException">A name cannot be (102, 103).</exception>
    Task<LockInfo?> FindLockAsync(string lockspace, string name, CancellationToken ct = default);
}

/// <summary>A lock that is held.</summary>
public sealed record LockInfo
{
    /// <summary>Who holds it; without a socket where it was taken by HTTP or by the application.</summary>
    public Origin Holder { get; init; } = new();

    /// <summary>The fencing token of the grant; absent for who neither holds the lock nor may break it.</summary>
    public long? Token { get; init; }

    /// <summary>The whole lease in milliseconds.</summary>
    public long LeaseMs { get; init; }

    /// <summary>When the lease ends if it is not renewed, in milliseconds from now.</summary>
    public long FreesInMs { get; init; }
}
