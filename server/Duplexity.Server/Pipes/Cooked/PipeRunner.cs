using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>
/// Runs one pipe: reads its source from its own place on, one message after the other, a page a turn, while there is something and its owner may act. What it does at a place it may do again after a crash, beside
/// another runner of the same pipe too: the destinations take each place once (G20). Thread-safe.
/// </summary>
internal sealed class PipeRunner(
    PipeRecord record, PipeRunners all, PipeBook book, PipeCarrying carrying, IPipeOwners owners, IEngine engine, PipeStore store, TimeProvider time, DuplexityOptions options, ILogger logger)
{
    private const int Page = 100;

    /// <summary>The longest wait in one go; then it looks again.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    /// <summary>How long a turn may take, but for the message that is under way: behind slow gates a page is minutes.</summary>
    private static readonly TimeSpan LongestTurn = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Meter _limit = new();
    private readonly Following _following = new(engine.Log, Address.Parse(record.From));
    private readonly PipePlace _place = new(record.Edge, store);
    private volatile PipeRecord _record = record;
    private Position? _counted;
    private Unsettled? _left;
    private int _attempts;
    private bool _isRunning;
    private volatile bool _again;
    private volatile string _state = PipeState.Running;
    private Task _running = Task.CompletedTask;

    public PipeRecord Record => _record;

    /// <summary>Up to where everything is settled; null: it has not looked yet.</summary>
    public Position? Place => _place.Now;

    /// <summary>How far it has come, and what it does; null: it has not looked yet.</summary>
    public PipeProgress? Progress => _place.Now is { } place ? new(place, _state) : null;

    public Address From { get; } = Address.Parse(record.From);

    /// <summary>What it is from now on: another configuration, or grant. Two changes at once are both made.</summary>
    public void Change(Func<PipeRecord, PipeRecord> change)
    {
        lock (_lock)
        {
            _record = change(_record);
        }
    }

    /// <summary>There may be something to do.</summary>
    public void Wake()
    {
        lock (_lock)
        {
            _again = true;
            if (!_isRunning && !_stop.IsCancellationRequested)
            {
                _isRunning = true;
                _running = Task.Run(RunAsync);
            }
        }
    }

    /// <summary>Nothing more begins. Completes when what had begun is over.</summary>
    public Task StopAsync()
    {
        lock (_lock)
        {
            _stop.Cancel();
            _following.End();
            return _running;
        }
    }

    /// <summary>Writes down how far it has come, if that is news.</summary>
    public Task SaveAsync() => _place.SaveAsync(_state);

    /// <summary>Takes it out of the store for good: from here on it writes nothing there.</summary>
    public Task RemoveAsync() => _place.RemoveAsync();

    private async Task RunAsync()
    {
        try
        {
            while (await OnceAsync())
            {
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The node stops, or the pipe is removed.
        }
    }

    /// <summary>One turn and the wait behind it; false where there is nothing more to do.</summary>
    private async Task<bool> OnceAsync()
    {
        TimeSpan pause;
        using (var turn = await all.Turns.EnterAsync(_record.Owner, _stop.Token))
        {
            pause = await TryTurnAsync(turn);
        }

        if (pause > TimeSpan.Zero)
        {
            _state = PipeState.Waiting;
            await Task.Delay(pause, time, _stop.Token);
            return true;
        }

        lock (_lock)
        {
            return _isRunning = _again && !_stop.IsCancellationRequested;
        }
    }

    private async Task<TimeSpan> TryTurnAsync(PipeTurn turn)
    {
        try
        {
            _again = false;
            return await TurnAsync(turn);
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            logger.PipeFailed(VisibleText.Of($"{_record.Owner}/{_record.Id}", VisibleText.LogLength), e);
            return options.MessagePipes.Pause;
        }
    }

    /// <summary>One page, or what a second takes; what is to be waited for before the next turn, nothing where there is none.</summary>
    private async Task<TimeSpan> TurnAsync(PipeTurn turn)
    {
        if (Owner() is null)
        {
            // Before it looks: what is gone meanwhile is one dead stretch, when it goes on.
            _state = PipeState.Stopped;
            return TimeSpan.Zero;
        }

        await _following.BeginAsync();
        var place = await _place.FindAsync(_record);
        var page = await engine.Log.ReadAsync(From, place, Page, ct: _stop.Token);
        if (!page.Recovered)
        {
            await SkipAsync(place, page.Top);
            _again = true;
            return TimeSpan.Zero;
        }

        var began = time.GetTimestamp();
        foreach (var entry in page.Entries)
        {
            _stop.Token.ThrowIfCancellationRequested();
            if (time.GetElapsedTime(began) > LongestTurn)
            {
                // Others wait for theirs.
                _again = true;
                return TimeSpan.Zero;
            }

            if (engine.Lease is { IsOver: true })
            {
                // Another node may carry it by now (G16).
                return options.MessagePipes.Pause;
            }

            if (Owner() is not var (sender, grant))
            {
                _state = PipeState.Stopped;
                return TimeSpan.Zero;
            }

            _state = PipeState.Running;
            if (Limit(entry) is { } over)
            {
                return over;
            }

            _left = await turn.LendAsync(carrying.CarryAsync(_record, sender, grant, entry, book.Share(_record, entry), _left), _stop.Token);
            if (await PauseAsync(entry) is { } pause)
            {
                return pause;
            }

            Settle(entry.Position);
            if (_place.Unsaved >= Page)
            {
                await SaveAsync();
            }
        }

        // Only ever set here: to write back what was read would undo a Wake in between.
        if (!page.End)
        {
            _again = true;
        }

        return TimeSpan.Zero;
    }

    /// <summary>The owner as it stands now, at every message (G10); null: it may not act.</summary>
    private (Sender Sender, PipeGrant Grant)? Owner()
    {
        if (owners.Find(_record.Owner, _record.Grant) is not var (sender, grant))
        {
            return null;
        }

        var before = _record;
        if (!ReferenceEquals(grant, before.Grant))
        {
            // At once, for the next message; written, and told to the other nodes, when it is its turn.
            Change(r => r with { Grant = grant });
            _ = all.RenewAsync(before, grant);
        }

        return (sender with { Meter = all.MeterOf(_record.Owner) }, grant);
    }

    private TimeSpan? Limit(LogEntry entry)
    {
        if (_record.Newest.Pipe.Limit is not { } limit || _counted == entry.Position)
        {
            return null;
        }

        var rules = new AllowanceRules(new Allowances { Limits = new() { Messages = limit.Messages, WindowMs = limit.WindowMs } });
        if (_limit.Take(rules, 0, isTrial: false) is { } over)
        {
            return Most(TimeSpan.FromMilliseconds(Math.Max(over.RetryAfterMs ?? 0, 1)));
        }

        _counted = entry.Position;
        return null;
    }

    /// <summary>How long to wait before what is left of a message is tried again; null: nothing is, or that is announced.</summary>
    private async ValueTask<TimeSpan?> PauseAsync(LogEntry entry)
    {
        if (_left is { Counted: { Count: > 0 } counted })
        {
            if (++_attempts < options.MessagePipes.Attempts)
            {
                return Most(options.MessagePipes.Pause * Math.Pow(2, Math.Min(_attempts - 1, 10)));
            }

            await carrying.GiveUpAsync(_record, entry, counted);
            _left = _left.WithoutCounted();
        }

        return _left?.Wait(options.MessagePipes.Pause) is { } wait ? Most(wait) : null;
    }

    private static TimeSpan Most(TimeSpan wait) => wait < LongestWait ? wait : LongestWait;

    private void Settle(Position place)
    {
        _place.Move(place);
        (_left, _attempts) = (null, 0);
    }

    /// <summary>The place is gone from the log: what lay behind it is lost to this pipe, which is said, and it goes on with what is left (G20).</summary>
    private async Task SkipAsync(Position gone, Position top)
    {
        var first = (await engine.Log.ReadAsync(From, null, 1, ct: _stop.Token)).Entries;
        var to = first.Count > 0 ? first[0].Before : top;
        Settle(to);
        if (to.Offset < gone.Offset)
        {
            // The log has begun anew: where its configurations began says nothing there.
            await book.ChangeAsync(
                _record.Owner, pipes => new([.. pipes.Select(p => p.Edge == _record.Edge ? p with { Versions = [p.Newest with { Since = to }] } : p)]), default);
        }

        logger.DeadStretch(VisibleText.Of($"{_record.Owner}/{_record.Id}", VisibleText.LogLength), VisibleText.Of(_record.From, VisibleText.LogLength), gone, to);
        carrying.Say(_record, null, AnnouncedAction.DeadStretch, note: $"{gone} {to}");
        await SaveAsync();
    }
}
