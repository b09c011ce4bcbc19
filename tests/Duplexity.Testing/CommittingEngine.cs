using Duplexity.Server.Engine;

namespace Duplexity.Testing;

/// <summary>
/// An engine whose appends take their place in line at once and answer with the next commit, like a disk's: all that wait are answered together, one commit at a
/// time, each of a few milliseconds. Counts the commits, so that a test can tell pipelining from waiting without a clock.
/// </summary>
internal sealed class CommittingEngine(IEngine inner, TimeSpan commit) : EngineBeside(inner), IMessageLog
{
    private readonly Lock _lock = new();
    private List<TaskCompletionSource> _waiting = [];
    private bool _isCommitting;

    /// <summary>How many commits there were.</summary>
    public int Commits { get; private set; }

    public override IMessageLog Log => this;

    public ReceiptLevel Level => Inner.Log.Level;

    public async ValueTask<AppendResult> AppendAsync(AppendRequest request, CancellationToken ct = default)
    {
        var result = Inner.Log.AppendAsync(request, ct);
        await Committed();
        return await result;
    }

    public ValueTask<AppendResult?> FindAsync(IdempotencyKey key, CancellationToken ct = default) => Inner.Log.FindAsync(key, ct);

    public ValueTask<LogPage> ReadAsync(Address channel, Position? since, int limit, bool reverse = false, CancellationToken ct = default) =>
        Inner.Log.ReadAsync(channel, since, limit, reverse, ct);

    public ValueTask<Position> TopAsync(Address channel, CancellationToken ct = default) => Inner.Log.TopAsync(channel, ct);

    public ValueTask<Position?> ReadSourceAsync(Address channel, string edge, CancellationToken ct = default) => Inner.Log.ReadSourceAsync(channel, edge, ct);

    public ValueTask RemoveAsync(Address channel, CancellationToken ct = default) => Inner.Log.RemoveAsync(channel, ct);

    private Task Committed()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _waiting.Add(done);
            if (!_isCommitting)
            {
                _isCommitting = true;
                _ = CommitAsync();
            }
        }

        return done.Task;
    }

    private async Task CommitAsync()
    {
        while (true)
        {
            await Task.Delay(commit);
            List<TaskCompletionSource> committed;
            lock (_lock)
            {
                Commits++;
                committed = _waiting;
                _waiting = [];
                _isCommitting = committed.Count > 0;
            }

            if (committed.Count == 0)
            {
                return;
            }

            committed.ForEach(c => c.SetResult());
        }
    }
}
