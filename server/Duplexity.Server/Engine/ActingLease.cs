namespace Duplexity.Server.Engine;

/// <summary>
/// For how long a node that shares its store with others may act for its clients without having reached it (G8, G16): it delivers, answers and carries until its lease is over by its own monotonic clock, a fifth early; then it is silent, for others
/// may have taken over, and what it knows may be revoked. It acts again when it has done what was told meanwhile, and has a lease. Thread-safe.
/// </summary>
internal sealed class ActingLease(TimeProvider time, TimeSpan lease)
{
    private readonly TimeSpan _most = lease * 0.8;
    private long _from = time.GetTimestamp();
    private long _resumed = time.GetTimestamp();

    /// <summary>Called when the node acts again after a silence.</summary>
    public event Action? Resumed;

    /// <summary>Whether the node must be silent.</summary>
    public bool IsOver => Left < TimeSpan.Zero;

    /// <summary>For how long the node may still act; below nothing, it must be silent.</summary>
    public TimeSpan Left => _most - time.GetElapsedTime(Volatile.Read(ref _from));

    /// <summary>Since when it has not been silent: what waited in silence has not waited for its receiver.</summary>
    public long ActingSince => Volatile.Read(ref _resumed);

    /// <summary>The store was reached: <paramref name="from"/> is a time stamp of before it was asked.</summary>
    public void Renew(long from)
    {
        var wasOver = IsOver;
        if (wasOver)
        {
            Volatile.Write(ref _resumed, time.GetTimestamp());
        }

        Volatile.Write(ref _from, from);
        if (wasOver)
        {
            Resumed?.Invoke();
        }
    }
}
