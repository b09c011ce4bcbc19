namespace Duplexity.Server.Tunnels;

/// <content>How the registration fares, for those who choose among several of one name.</content>
internal sealed partial class CarrierPool
{
    /// <summary>How long it is passed over after a first failure; doubled by each further one. A program that is being restarted is back in about that time.</summary>
    private static readonly TimeSpan FirstOut = TimeSpan.FromSeconds(1);

    /// <summary>How long it is passed over at most: a machine that was mended has its part again half a minute later.</summary>
    private static readonly TimeSpan LongestOut = TimeSpan.FromSeconds(30);

    private int _visits;
    private int _failures;
    private long _outUntil = long.MinValue;
    private long _visitedAt = time.GetTimestamp();
    private volatile bool _isIll;

    /// <summary>How many visitors it serves now.</summary>
    public int Visits => Volatile.Read(ref _visits);

    /// <summary>Until when others are tried first, as a time stamp.</summary>
    public long OutUntil => _isIll ? long.MaxValue : Volatile.Read(ref _outUntil);

    /// <summary>Whether a visitor came to it in that time.</summary>
    public bool WasVisitedWithin(TimeSpan span) => Visits > 0 || time.GetElapsedTime(Volatile.Read(ref _visitedAt)) < span;

    /// <summary>Whether others are tried first.</summary>
    public bool IsOut => OutUntil > time.GetTimestamp();

    /// <summary>A visitor is served by it from now on, until the result is disposed.</summary>
    public IDisposable Begin()
    {
        Interlocked.Increment(ref _visits);
        Volatile.Write(ref _visitedAt, time.GetTimestamp());
        return new Turn(this);
    }

    /// <summary>It, or its resource, could not be reached. One that is out already is not put out for longer by others who had chosen it before.</summary>
    public void Failed()
    {
        if (IsOut)
        {
            return;
        }

        var failures = Math.Min(Interlocked.Increment(ref _failures), 16);
        var length = Math.Min(FirstOut.TotalSeconds * (1 << (failures - 1)), LongestOut.TotalSeconds);
        Volatile.Write(ref _outUntil, time.GetTimestamp() + (long)(length * time.TimestampFrequency));
    }

    /// <summary>There was no carrier to be had; where that is no more than a crowd, or old knowledge, it is well all the same.</summary>
    public void Failed(CarryFailure failure)
    {
        if (failure is CarryFailure.Away or CarryFailure.Late)
        {
            Failed();
        }
    }

    /// <summary>It has answered.</summary>
    public void Worked()
    {
        if (Volatile.Read(ref _failures) > 0)
        {
            Volatile.Write(ref _failures, 0);
            Volatile.Write(ref _outUntil, long.MinValue);
        }
    }

    /// <summary>A connection of raw bytes is over.</summary>
    public void Ended(CarrierStream carrier)
    {
        if (carrier.IsResourceAway)
        {
            Failed();
        }
        else
        {
            Worked();
        }
    }

    private sealed class Turn(CarrierPool pool) : IDisposable
    {
        private CarrierPool? _pool = pool;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _pool, null) is { } pool)
            {
                Interlocked.Decrement(ref pool._visits);
            }
        }
    }
}
