namespace Duplexity.Links;

/// <summary>The place of the one open link of its kind, for which calls wait while there is none. Thread-safe.</summary>
internal sealed class Slot<T>(TimeProvider time)
    where T : class
{
    private readonly Lock _gate = new();
    private TaskCompletionSource<T> _filled = New();
    private DuplexityException? _over;

    public T? Current
    {
        get
        {
            var task = Volatile.Read(ref _filled).Task;
            return task.IsCompletedSuccessfully ? task.Result : null;
        }
    }

    /// <summary>What the last attempt to fill the slot failed with: the reason for a caller whose wait was in vain.</summary>
    public DuplexityError? LastFailure { get; set; }

    public void Fill(T link)
    {
        lock (_gate)
        {
            if (_over is not null)
            {
                return;
            }

            if (_filled.Task.IsCompleted)
            {
                _filled = New();
            }

            LastFailure = null;
            _filled.SetResult(link);
        }
    }

    /// <summary>Empties the slot if <paramref name="link"/> is in it; a newer one stays.</summary>
    public void Clear(T link)
    {
        lock (_gate)
        {
            if (_filled.Task.IsCompletedSuccessfully && ReferenceEquals(_filled.Task.Result, link))
            {
                _filled = New();
            }
        }
    }

    /// <summary>Nothing will come any more: every wait fails with <paramref name="reason"/>.</summary>
    public void Close(DuplexityException reason)
    {
        lock (_gate)
        {
            if (_over is not null)
            {
                return;
            }

            _over = reason;
            if (_filled.Task.IsCompleted)
            {
                _filled = New();
            }

            _filled.SetException(reason);
            _ = _filled.Task.Exception; // nobody may be waiting, and that is not an unobserved fault
        }
    }

    /// <exception cref="DuplexityException">None came in time, or none will come any more.</exception>
    public async Task<T> WaitAsync(TimeSpan timeout, CancellationToken ct)
    {
        Task<T> filled;
        lock (_gate)
        {
            filled = _filled.Task;
        }

        try
        {
            return await filled.WaitAsync(timeout > TimeSpan.Zero ? timeout : TimeSpan.Zero, time, ct).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new DuplexityException(LastFailure ?? DuplexityError.Of(Errors.Unavailable, "The connection could not be restored in time."), e);
        }
    }

    private static TaskCompletionSource<T> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
