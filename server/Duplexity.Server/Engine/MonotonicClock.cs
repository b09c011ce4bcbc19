namespace Duplexity.Server.Engine;

/// <summary>How long an engine has run. Ages and expiries are measured by it, because a correction of the wall clock must neither prolong a ticket nor empty a log.</summary>
internal sealed class MonotonicClock(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();

    public TimeSpan Now => time.GetElapsedTime(_start);
}
