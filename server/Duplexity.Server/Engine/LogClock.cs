namespace Duplexity.Server.Engine;

/// <summary>
/// The time of a log on disk, since 1970: the wall clock as it was when the log was opened, and from there what has truly passed. Ages must outlive a restart,
/// and a correction of the clock while the node runs must not empty a log.
/// </summary>
internal sealed class LogClock(TimeProvider time)
{
    // A million in a millisecond, and milliseconds for 200 years.
    private const int TickBits = 20;

    private readonly TimeSpan _opened = time.GetUtcNow() - DateTimeOffset.UnixEpoch;
    private readonly long _start = time.GetTimestamp();
    private long _lastTick;

    public TimeSpan Now => _opened + time.GetElapsedTime(_start);

    /// <summary>A tick: the millisecond, and in it which one it is. No tick comes twice, so that what was used later is later in order. For the writer alone.</summary>
    public long NextTick() => _lastTick = Math.Max(_lastTick + 1, (long)Now.TotalMilliseconds << TickBits);

    /// <summary>Ticks go on behind those of an earlier life, though the clock be set back since.</summary>
    public void GoOnFrom(long tick) => _lastTick = Math.Max(_lastTick, tick);

    /// <summary>The first tick behind all of that millisecond.</summary>
    public static long TicksEnd(TimeSpan time) => ((long)time.TotalMilliseconds + 1) << TickBits;
}
