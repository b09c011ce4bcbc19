using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Duplexity.Testing;

/// <summary>Waiting for things that happen, never for time to pass: every wait ends with the thing, or with a sentence that names it.</summary>
public static class Wait
{
    /// <summary>Waits for <paramref name="task"/>, at most <see cref="TestTimeout.Soon"/>.</summary>
    public static Task<T> Soon<T>(this Task<T> task, TimeSpan? timeout = null, [CallerArgumentExpression(nameof(task))] string what = "") =>
        AtMost(task, timeout ?? TestTimeout.Soon, what);

    /// <summary>Waits for <paramref name="task"/>, at most <see cref="TestTimeout.Soon"/>.</summary>
    public static Task Soon(this Task task, TimeSpan? timeout = null, [CallerArgumentExpression(nameof(task))] string what = "") =>
        AtMost(AsResult(task), timeout ?? TestTimeout.Soon, what);

    /// <summary>Waits for <paramref name="task"/>, at most <see cref="TestTimeout.Soon"/>.</summary>
    public static Task<T> Soon<T>(this ValueTask<T> task, TimeSpan? timeout = null, [CallerArgumentExpression(nameof(task))] string what = "") =>
        AtMost(task.AsTask(), timeout ?? TestTimeout.Soon, what);

    /// <summary>Waits for the first value that <paramref name="subscribe"/>'s callback is given.</summary>
    public static Task<T> For<T>(string what, Action<Action<T>> subscribe, TimeSpan? timeout = null)
    {
        var happened = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        subscribe(value => happened.TrySetResult(value));
        return AtMost(happened.Task, timeout ?? TestTimeout.Soon, what);
    }

    /// <summary>Asks until it is so, for <see cref="TestTimeout.Soon"/> at most; the answer that was.</summary>
    public static async Task<T> UntilAsync<T>(Func<Task<T>> ask, Func<T, bool> isSo, [CallerArgumentExpression(nameof(isSo))] string what = "")
    {
        for (var began = Stopwatch.GetTimestamp(); ;)
        {
            var answer = await ask().Soon(what: what);
            if (isSo(answer))
            {
                return answer;
            }

            if (Stopwatch.GetElapsedTime(began) > TestTimeout.Soon)
            {
                throw new TimeoutException($"Asked {TestTimeout.Soon.TotalSeconds:0} s in vain for: {what}; the last answer was {answer}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(1));
        }
    }

    /// <summary>Lets time pass, for the few tests whose very subject is that nothing happens for so long.</summary>
    public static Task InSilenceAsync(TimeSpan time) => Task.Delay(time);

    private static async Task<bool> AsResult(Task task)
    {
        await task;
        return true;
    }

    private static async Task<T> AtMost<T>(Task<T> task, TimeSpan timeout, string what)
    {
        // Compared by identity: a TimeoutException of the task's own must stay what it is.
        using var waiting = new CancellationTokenSource();
        var limit = Task.Delay(timeout, waiting.Token);
        if (await Task.WhenAny(task, limit) == limit)
        {
            throw new TimeoutException($"Waited {timeout.TotalSeconds:0} s in vain for: {what}");
        }

        await waiting.CancelAsync();
        return await task;
    }
}
