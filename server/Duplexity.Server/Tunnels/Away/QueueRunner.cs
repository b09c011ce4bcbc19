using Duplexity.Server.Backend;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>What runners need, of which a node has one each.</summary>
internal sealed record QueueRunnerParts(
    QueueStore Store, QueueUse Use, QueueReplayer Replayer, BackendRegistry Backend, Sessions Sessions, TimeProvider Time, IOptions<DuplexityOptions> Options, ILogger<QueueRunner> Logger);

/// <summary>
/// Replays what a name keeps to one registration of its owner, one request after the other in the order in which they came, from the node that holds the client's control connection. A try is written down before it
/// is made: whoever goes on after a crash sends the request under the same id with a higher number (3.7). Before each try the registry is asked whether the registration stands (G7).
/// </summary>
internal sealed class QueueRunner(PipeEntry entry, QueueRunnerParts parts) : IDisposable
{
    private readonly QueueOptions _options = parts.Options.Value.Queue;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _bell = new(0, 1);
    private bool _isEmpty;

    /// <summary>Completes when there is nothing to do for it any more.</summary>
    public Task Run { get; private set; } = Task.CompletedTask;

    public PipeEntry Entry => entry;

    public void Begin() => Run = Task.Run(RunAsync);

    /// <summary>Something waits.</summary>
    public void Ring()
    {
        try
        {
            _bell.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is told already.
        }
    }

    public void Dispose() => _stop.Cancel();

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                var pause = await TryStepAsync();
                if (pause == Timeout.InfiniteTimeSpan)
                {
                    return;
                }

                if (pause > TimeSpan.Zero)
                {
                    await WaitAsync(pause);
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Another registration has taken its place, or the node stops.
        }
    }

    private async Task<TimeSpan> TryStepAsync()
    {
        try
        {
            return await StepAsync(_stop.Token);
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            Log.QueueFailed(parts.Logger, entry.Name, e);
            return _options.Again;
        }
    }

    /// <summary>How long to wait before the next step; endless: there is none.</summary>
    private async Task<TimeSpan> StepAsync(CancellationToken ct)
    {
        if (await parts.Store.FindAsync(entry.Name, ct) is not { } queue || queue.Owner != entry.Client || await parts.Backend.ReadAsync(entry.Name, ct) is not { } now || !now.IsSameAs(entry))
        {
            return Timeout.InfiniteTimeSpan;
        }

        if (parts.Sessions.Find(entry.Client, entry.Session)?.Link is null)
        {
            return _options.Look;
        }

        var state = await parts.Store.StateAsync(queue, ct);
        if (await parts.Store.NextAsync(queue, state, ct) is not { } next)
        {
            return await EmptyAsync(queue, state, ct);
        }

        _isEmpty = false;
        var at = parts.Time.GetUtcNow();
        if (state.Due > at)
        {
            return state.Due.Value - at;
        }

        if (parts.Store.Open(next) is not { } request || next.Message.SentAt + _options.Keep <= at || state.Discarded.Contains(request.Id))
        {
            await SettleAsync(queue, next, state, null);
            return TimeSpan.Zero;
        }

        return await AttemptAsync(queue, next, request, state, ct);
    }

    private async Task<TimeSpan> AttemptAsync(QueueRecord queue, LogEntry next, KeptRequest request, QueueState state, CancellationToken ct)
    {
        if (await parts.Store.ChangeAsync(queue, s => IsAt(s, state) ? s with { Attempts = s.Attempts + 1, Due = null } : null, ct) is not { } trying)
        {
            return TimeSpan.Zero;
        }

        var result = await SendAsync(request, trying, ct);
        if (result.IsUnsent)
        {
            // It did not count.
            await ChangeAsync(queue, trying, s => s with { Attempts = state.Attempts, Due = parts.Time.GetUtcNow() + _options.Again });
            return _options.Again;
        }

        if (result.IsSettled)
        {
            Log.RequestReplayed(parts.Logger, request.Id, entry.Name, trying.Attempts, result.Status!.Value);
            await SettleAsync(queue, next, trying, null);
            return TimeSpan.Zero;
        }

        if (trying.Attempts >= _options.Attempts)
        {
            Log.RequestGivenUp(parts.Logger, request.Id, entry.Name, trying.Attempts, result.Status ?? 0);
            await SettleAsync(queue, next, trying, new DeadRequest(request.Id, next.Before, request.Attempts + trying.Attempts, result.Status));
            return TimeSpan.Zero;
        }

        var pause = Pause(trying.Attempts, result.RetryAfter);
        await ChangeAsync(queue, trying, s => s with { Due = parts.Time.GetUtcNow() + pause });
        return pause;
    }

    private async Task<QueuedReplay> SendAsync(KeptRequest request, QueueState trying, CancellationToken ct)
    {
        try
        {
            return await parts.Replayer.SendAsync(entry, request, request.Attempts + trying.Attempts, ct);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            // A fault of ours that this request alone may bring about: it counts, or all behind it would wait for ever.
            if (trying.Attempts == 1)
            {
                Log.RequestFailed(parts.Logger, request.Id, entry.Name, e);
            }

            return new QueuedReplay(request);
        }
    }

    private static bool IsAt(QueueState one, QueueState other) => one.Place == other.Place && one.Attempts == other.Attempts;

    /// <summary>Writes down what became of a try, unless another runner has gone on since it was begun. Never given up: what was done would be done again.</summary>
    private ValueTask<QueueState?> ChangeAsync(QueueRecord queue, QueueState trying, Func<QueueState, QueueState> change) =>
        parts.Store.ChangeAsync(queue, s => IsAt(s, trying) ? change(s) : null, CancellationToken.None);

    private TimeSpan Pause(int attempts, TimeSpan? wanted)
    {
        var pause = _options.Again * Math.Pow(2, Math.Min(attempts - 1, 30));
        pause = wanted > pause ? wanted.Value : pause;
        return pause < _options.AgainMost ? pause : _options.AgainMost;
    }

    /// <summary>The next one is behind us.</summary>
    private async Task SettleAsync(QueueRecord queue, LogEntry next, QueueState at, DeadRequest? dead)
    {
        var id = parts.Store.Open(next)?.Id;
        var settled = await ChangeAsync(queue, at, s => s with
        {
            Place = next.Position,
            SettledAt = next.Message.SentAt,
            Attempts = 0,
            Due = null,
            Discarded = [.. s.Discarded.Where(d => d != id)],
            Dead = dead is null ? s.Dead : [.. s.Dead.Append(dead).TakeLast(_options.Dead)],
        });
        if (settled is not null)
        {
            await parts.Use.ReleaseAsync(queue.Owner, queue.Id, next.Message.Bytes?.Length ?? 0, CancellationToken.None);
        }
    }

    private async Task<TimeSpan> EmptyAsync(QueueRecord queue, QueueState state, CancellationToken ct)
    {
        if (!queue.IsKeeping)
        {
            if (await parts.Store.HasDeadAsync(queue, state, ct))
            {
                return _options.AgainMost; // those are up to the owner
            }

            return await parts.Store.RemoveAsync(queue, CancellationToken.None) ? Timeout.InfiniteTimeSpan : TimeSpan.Zero;
        }

        if (!_isEmpty)
        {
            _isEmpty = true;
            await parts.Use.ClearAsync(queue.Owner, queue.Id, ct);
        }

        if (parts.Store.IsHalfOver(queue))
        {
            await parts.Store.ExtendAsync(queue, ct);
        }

        return _options.Look;
    }

    private async Task WaitAsync(TimeSpan pause)
    {
        using var late = new CancellationTokenSource(pause, parts.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, _stop.Token);
        try
        {
            await _bell.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            // It is time.
        }
    }
}
