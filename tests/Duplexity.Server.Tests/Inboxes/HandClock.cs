namespace Duplexity.Server.Tests.Inboxes;

/// <summary>
/// A clock that stands until it is moved, for tests in which several threads move it while others change and dispose of its timers: there <c>FakeTimeProvider</c> now and then throws a <see cref="NullReferenceException"/> (10.11.0).
/// </summary>
internal sealed class HandClock(DateTimeOffset now) : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<Timer> _timers = [];
    private DateTimeOffset _now = now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock)
        {
            return _now;
        }
    }

    public override long GetTimestamp() => GetUtcNow().Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves it; what is due by then is called on this thread, in its order.</summary>
    public void Advance(TimeSpan by)
    {
        lock (_lock)
        {
            _now += by;
        }

        while (NextDue() is { } due)
        {
            due.Call();
        }
    }

    private Timer? NextDue()
    {
        lock (_lock)
        {
            var next = _timers.Where(t => t.Due <= _now).MinBy(t => t.Due);
            if (next is not null)
            {
                Set(next, next.Period);
            }

            return next;
        }
    }

    private void Set(Timer timer, TimeSpan due)
    {
        _timers.Remove(timer);
        if (due != Timeout.InfiniteTimeSpan)
        {
            timer.Due = _now + due;
            _timers.Add(timer);
        }
    }

    private sealed class Timer(HandClock clock, Action call) : ITimer
    {
        private bool _isDisposed;

        public DateTimeOffset Due { get; set; }

        public TimeSpan Period { get; private set; }

        public void Call() => call();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._lock)
            {
                Period = period == TimeSpan.Zero ? Timeout.InfiniteTimeSpan : period;
                clock.Set(this, _isDisposed ? Timeout.InfiniteTimeSpan : dueTime);
                return !_isDisposed;
            }
        }

        public void Dispose()
        {
            lock (clock._lock)
            {
                _isDisposed = true;
                clock.Set(this, Timeout.InfiniteTimeSpan);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
