namespace Duplexity.Carriers;

/// <content>How a program leaves a name that others go on serving.</content>
internal sealed partial class PipeDesk
{
    // The server cuts what is left after the grace that it gives to a session that has left (10 s).
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private TaskCompletionSource? _finished;

    /// <summary>The server sends no further visitor: completes when those of shared names are through, or their grace is over. Never faults.</summary>
    public async Task FinishAsync(TimeProvider time)
    {
        var finished = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _finished = finished;
            NoteIfFinishedUnsynchronized();
        }

        await finished.Task.WaitAsync(Grace, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void NoteIfFinishedUnsynchronized()
    {
        if (_finished is { } finished && !_pipes.Exists(p => p is { IsShared: true, Carriers: > 0 }))
        {
            finished.TrySetResult();
        }
    }
}
