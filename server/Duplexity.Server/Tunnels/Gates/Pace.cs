namespace Duplexity.Server.Tunnels.Gates;

/// <summary>
/// A rate: a vessel that holds one burst and runs out evenly. By the node's clock, which the framework's limiters do not take. Thread-safe.
/// </summary>
/// <param name="perSecond">How much runs out in a second.</param>
/// <param name="burst">How much it holds.</param>
/// <param name="time">The clock.</param>
internal sealed class Pace(double perSecond, double burst, TimeProvider time)
{
    private readonly Lock _lock = new();
    private double _level;
    private long _at = time.GetTimestamp();

    /// <summary>How much goes in one step at most, so that many steps share a second.</summary>
    public int Step { get; } = (int)Math.Clamp(perSecond / 8, 1, 64 * 1024);

    /// <summary>Whether nothing is used.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock)
            {
                RunOut();
                return _level == 0;
            }
        }
    }

    /// <summary>Takes it if there is room; else how long until there is.</summary>
    public TimeSpan? TryTake(double amount)
    {
        lock (_lock)
        {
            RunOut();
            if (_level + amount <= burst)
            {
                _level += amount;
                return null;
            }

            return TimeSpan.FromSeconds((_level + amount - burst) / perSecond);
        }
    }

    /// <summary>Takes it in any case, and returns how long whoever took it has to wait before it goes on.</summary>
    public TimeSpan Take(double amount)
    {
        lock (_lock)
        {
            RunOut();
            _level += amount;
            return _level <= burst ? TimeSpan.Zero : TimeSpan.FromSeconds((_level - burst) / perSecond);
        }
    }

    private void RunOut()
    {
        var now = time.GetTimestamp();
        _level = Math.Max(0, _level - (time.GetElapsedTime(_at, now).TotalSeconds * perSecond));
        _at = now;
    }
}

/// <summary>What bytes wait for on their way to a visitor and from it. Thread-safe.</summary>
internal sealed class Throttle(TimeProvider time, params Throttle.ByteRate[] rates)
{
    /// <summary>Both directions of one limit: they do not wait for each other.</summary>
    internal sealed record ByteRate(Pace ToVisitor, Pace FromVisitor)
    {
        public static ByteRate Of(long bytesPerSecond, TimeProvider time) => new(PaceOf(bytesPerSecond, time), PaceOf(bytesPerSecond, time));

        // Half a second's worth at once: a page comes as quick as it can, a download at its rate.
        private static Pace PaceOf(long bytesPerSecond, TimeProvider time) => new(bytesPerSecond, bytesPerSecond / 2.0, time);
    }

    /// <summary>How many bytes go at once.</summary>
    public int Step { get; } = rates.Min(r => r.ToVisitor.Step);

    /// <summary>Counts bytes, and waits as long as they are too many.</summary>
    public ValueTask WaitAsync(int bytes, bool toVisitor, CancellationToken ct)
    {
        var longest = TimeSpan.Zero;
        foreach (var rate in rates)
        {
            var wait = (toVisitor ? rate.ToVisitor : rate.FromVisitor).Take(bytes);
            longest = wait > longest ? wait : longest;
        }

        return longest == TimeSpan.Zero ? default : new(Task.Delay(longest, time, ct));
    }
}
