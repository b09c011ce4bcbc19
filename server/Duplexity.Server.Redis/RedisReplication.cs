namespace Duplexity.Server.Redis;

/// <summary>Asks how many replicas have what was appended: one question for all that was sent before it (G3). Thread-safe.</summary>
internal sealed class RedisReplication(Func<Task<int>> ask)
{
    private readonly Lock _lock = new();
    private Task<int> _asked = Task.FromResult(0);
    private Task<int>? _next;

    /// <summary>How many replicas have at least all that was sent before this call.</summary>
    public Task<int> AfterAsync()
    {
        lock (_lock)
        {
            // A question that is on its way already is of before; the next one goes out when it is answered, for all who come meanwhile.
            return _asked.IsCompleted ? _asked = Observed(ask()) : _next ??= FollowAsync(_asked);
        }
    }

    private async Task<int> FollowAsync(Task<int> before)
    {
        await before.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        Task<int> asked;
        lock (_lock)
        {
            asked = _asked = Observed(ask());
            _next = null;
        }

        return await asked;
    }

    /// <summary>Whose append failed asks no more.</summary>
    private static Task<int> Observed(Task<int> task)
    {
        _ = task.ContinueWith(t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return task;
    }
}
