using System.Collections.Concurrent;
using Duplexity.Server.Engine;
using Duplexity.Testing;

namespace Duplexity.Server.Tests.Pipes.Cooked;

/// <summary>
/// An engine by which a pipe's process dies at the worst moment: its next append through a pipe is made, or not made, and never answers. What asked is dead for the test; what starts after that finds the logs and
/// records as they were.
/// </summary>
internal sealed class StoppingEngine(IEngine inner) : EngineBeside(inner), IEngine, IMessageLog
{
    private readonly TaskCompletionSource _letGo = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _waiting = new();
    private readonly TaskCompletionSource _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentQueue<string?> _carried = new();
    private volatile Death? _next;
    private int _pauseAfter = int.MaxValue;

    public override IMessageLog Log => this;

    public ReceiptLevel Level => Inner.Log.Level;

    /// <summary>For how long the node may act; null: for ever.</summary>
    public ActingLease? Lease { get; set; }

    /// <summary>The next append of a pipe is its process's last; completes when it is dead.</summary>
    public Task DieAtNextAppend(bool isMade)
    {
        var death = new Death(isMade);
        _next = death;
        return death.Happened.Task;
    }

    /// <summary>The texts that pipes appended, in their order.</summary>
    public IReadOnlyCollection<string?> Carried => _carried;

    /// <summary>After so many appends of pipes all further ones wait for <see cref="GoOn"/>.</summary>
    public void PauseAfter(int appends) => _pauseAfter = appends;

    /// <summary>A pipe's append of this text waits.</summary>
    public Task IsWaitingAsync(string text) => WaitingOf(text).Task;

    /// <summary>What waits goes on.</summary>
    public void GoOn() => _goOn.TrySetResult();

    /// <summary>The dead go in peace, and what waits goes on.</summary>
    public void LetGo()
    {
        _letGo.TrySetResult();
        GoOn();
    }

    public async ValueTask<AppendResult> AppendAsync(AppendRequest request, CancellationToken ct = default)
    {
        if (request.Source is null || Interlocked.Exchange(ref _next, null) is not { } death)
        {
            if (request.Source is not null && Interlocked.Decrement(ref _pauseAfter) < 0)
            {
                WaitingOf(request.Message.Text ?? "").TrySetResult();
                await _goOn.Task;
            }

            var result = await Inner.Log.AppendAsync(request, ct);
            if (request.Source is not null && result.Outcome == AppendOutcome.Stored)
            {
                _carried.Enqueue(request.Message.Text);
            }

            return result;
        }

        if (death.IsMade)
        {
            await Inner.Log.AppendAsync(request, ct);
        }

        death.Happened.SetResult();
        await _letGo.Task;
        throw new InvalidOperationException("This process is dead.");
    }

    public ValueTask<AppendResult?> FindAsync(IdempotencyKey key, CancellationToken ct = default) => Inner.Log.FindAsync(key, ct);

    public ValueTask<LogPage> ReadAsync(Address channel, Position? since, int limit, bool reverse = false, CancellationToken ct = default) =>
        Inner.Log.ReadAsync(channel, since, limit, reverse, ct);

    public ValueTask<Position> TopAsync(Address channel, CancellationToken ct = default) => Inner.Log.TopAsync(channel, ct);

    public ValueTask<Position?> ReadSourceAsync(Address channel, string edge, CancellationToken ct = default) => Inner.Log.ReadSourceAsync(channel, edge, ct);

    public ValueTask RemoveAsync(Address channel, CancellationToken ct = default) => Inner.Log.RemoveAsync(channel, ct);

    public ValueTask FollowAsync(Address channel) => Inner.Log.FollowAsync(channel);

    public void Unfollow(Address channel) => Inner.Log.Unfollow(channel);

    private TaskCompletionSource WaitingOf(string text) => _waiting.GetOrAdd(text, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    private sealed record Death(bool IsMade)
    {
        public TaskCompletionSource Happened { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
