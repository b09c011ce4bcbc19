namespace Duplexity.Server.Tunnels;

/// <summary>How long one visit waits for the next sign of life, where its pipe sets a limit. Thread-safe.</summary>
internal sealed class VisitPatience(TimeProvider time) : IDisposable
{
    private readonly CancellationTokenSource _over = new();
    private ITimer? _timer;
    private TimeSpan _limit = Timeout.InfiniteTimeSpan;

    /// <summary>Cancelled when it is at an end.</summary>
    public CancellationToken Token => _over.Token;

    public bool IsOver => _over.IsCancellationRequested;

    /// <summary>From now on so many milliseconds; null: for ever.</summary>
    public void Allow(long? milliseconds)
    {
        _limit = milliseconds is { } limit ? TimeSpan.FromMilliseconds(limit) : Timeout.InfiniteTimeSpan;
        if (_timer is null && milliseconds is not null)
        {
            _timer = time.CreateTimer(static over => ((CancellationTokenSource)over!).Cancel(), _over, _limit, Timeout.InfiniteTimeSpan);
        }
        else
        {
            _timer?.Change(_limit, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>A sign of life.</summary>
    public void Touch() => _timer?.Change(_limit, Timeout.InfiniteTimeSpan);

    public void Dispose() => _timer?.Dispose();
}

/// <summary>The resource took longer than its pipe allows.</summary>
internal sealed class ResourceLateException() : IOException("The resource did not go on within the time that its pipe allows.");
