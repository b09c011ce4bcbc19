namespace Duplexity.Server.Engine;

/// <summary>One reader's wish to hear of a channel: begun when it is first needed, ended once. Thread-safe.</summary>
internal sealed class Following(IMessageLog log, Address channel)
{
    private readonly Lock _lock = new();
    private Task? _begun;
    private bool _isOver;

    /// <summary>When it completes, whoever then reads the log misses nothing; what failed is tried again by the next call. Nothing begins after the end.</summary>
    public Task BeginAsync()
    {
        lock (_lock)
        {
            return _isOver ? Task.CompletedTask : _begun is { IsFaulted: false } there ? there : _begun = log.FollowAsync(channel).AsTask();
        }
    }

    public void End()
    {
        Task? begun;
        lock (_lock)
        {
            (_isOver, begun, _begun) = (true, _begun, null);
        }

        if (begun is { IsCompletedSuccessfully: true })
        {
            log.Unfollow(channel);
        }
        else
        {
            // It may have begun nothing: then there is nothing to end.
            _ = begun?.ContinueWith(_ => log.Unfollow(channel), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
        }
    }
}
