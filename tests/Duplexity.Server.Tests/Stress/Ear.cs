using Duplexity.Testing;

namespace Duplexity.Server.Tests.Stress;

/// <summary>What one reader of a room has heard, in order.</summary>
internal sealed class Ear
{
    private readonly Lock _lock = new();
    private readonly List<string> _texts = [];
    private readonly List<Gap> _gaps = [];
    private readonly List<(Func<IReadOnlyList<string>, bool> Matches, TaskCompletionSource Done)> _waiting = [];

    public Ear(Subscription subscription)
    {
        Subscription = subscription;
        subscription.OnGap(gap =>
        {
            lock (_lock)
            {
                _gaps.Add(gap);
            }
        });
        subscription.OnMessage((message, _) =>
        {
            lock (_lock)
            {
                _texts.Add(message.Text!);
                _waiting.RemoveAll(w => w.Matches(_texts) && w.Done.TrySetResult());
            }

            return ValueTask.CompletedTask;
        });
    }

    public Subscription Subscription { get; }

    public IReadOnlyList<string> Texts
    {
        get
        {
            lock (_lock)
            {
                return [.. _texts];
            }
        }
    }

    public IReadOnlyList<Gap> Gaps
    {
        get
        {
            lock (_lock)
            {
                return [.. _gaps];
            }
        }
    }

    /// <summary>Waits until it has heard so many; more are a failure that the assertion after it finds.</summary>
    public Task HeardAsync(int count) => UntilAsync($"{count} messages", texts => texts.Count >= count);

    /// <summary>Waits until it has heard this last one.</summary>
    public Task HeardAsync(string last) => UntilAsync($"\"{last}\"", texts => texts.Count > 0 && texts[^1] == last);

    private async Task UntilAsync(string what, Func<IReadOnlyList<string>, bool> matches)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (matches(_texts))
            {
                return;
            }

            _waiting.Add((matches, done));
        }

        try
        {
            await done.Task.Soon(TestTimeout.Long, what);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}; heard {Texts.Count}, the last \"{Texts.LastOrDefault()}\", {Gaps.Count} gaps", e);
        }
    }
}
