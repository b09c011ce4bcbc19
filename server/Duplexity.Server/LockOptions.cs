namespace Duplexity.Server;

/// <summary>Bounds and times of lockspaces and locks: <c>Duplexity:Locks</c>. Bounds are per node.</summary>
public sealed class LockOptions
{
    /// <summary>How long a lock is held without being renewed, where its request names no lease. Defaults to 30 s: a program that died keeps others waiting no longer.</summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest lease that may be asked for; the shortest is a second. Defaults to 5 min.</summary>
    public TimeSpan MaxLease { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The longest that a request may wait for a lock; then it asks anew. Defaults to 1 h.</summary>
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Requests that wait for one lock. Defaults to 1,000.</summary>
    public int Waiters { get; set; } = 1_000;

    /// <summary>Locks that one client holds or waits for. Defaults to 1,000.</summary>
    public int PerClient { get; set; } = 1_000;

    /// <summary>Lockspaces that one client has made. Defaults to 100.</summary>
    public int SpacesPerClient { get; set; } = 100;

    /// <summary>Keys that a client may try at a lockspace in <see cref="KeyWindow"/>, on all its sockets together. Defaults to 5: a person's slips; a key of four digits stands for more than a day.</summary>
    public int KeyTries { get; set; } = 5;

    /// <summary>How long wrong keys count, from the first one on. Defaults to 1 min.</summary>
    public TimeSpan KeyWindow { get; set; } = TimeSpan.FromMinutes(1);
}
