using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>
/// Runs one pipe: reads its source from its own place on, one message after the other, a page a turn, while there is something and its owner may act. What it does at a place it may do again after a crash, beside
/// another runner of the same pipe too: the destinations take each place once (G20). Thread-safe.
/// </summary>
internal sealed class PipeRunner(PipeRecord record, Position place, MessagePipes all, PipeCarrying carrying, IPipeOwners owners, IEngine engine, PipeStore store, TimeProvider time, DuplexityOptions options, ILogger logger)
{
    private const int Page = 100;

    /// <summary>The longest wait for a rate in one go; then it looks again.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Meter _limit = new();
    private readonly Following _following = new(engine.Log, Address.Parse(record.From));
    private volatile PipeRecord _record = record;
    private volatile Position _place = place;
    private Position? _saved;
    private Position? _counted;
    private Position? _tried;
    private int _attempts;
    private int _unsaved;
    private bool _isRunning;
    private bool _again;
    private Task _running = Task.CompletedTask;

    public PipeRecord Record => _record;

    /// <summary>Up to where everything is settled.</summary>
    public Position Place => _place;

    /// <summary><c>running</c>, <c>waiting</c> or <c>stopped</c>.</summary>
    public string State { get; private set; } = "running";

    public Address From { get; } = Address.Parse(record.From);

    /// <summary>A newer configuration, or grant.</summary>
    public void Replace(PipeRecord record) => _record = record;

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
    public async Task SaveAsync()
    {
        var place = _place;
        if (place != _saved)
        {
            await store.WritePlaceAsync(_record.Edge, place);
            (_saved, _unsaved) = (place, 0);
        }
    }

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
        await all.Turns.WaitAsync(_stop.Token);
        try
        {
            _again = false;
            pause = await TurnAsync();
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            logger.PipeFailed(VisibleText.Of($"{_record.Owner}/{_record.Id}", VisibleText.LogLength), e);
            pause = options.MessagePipes.Pause;
        }
        finally
        {
            all.Turns.Release();
        }

        if (pause > TimeSpan.Zero)
        {
            State = "waiting";
            await Task.Delay(pause, time, _stop.Token);
            return true;
        }

        lock (_lock)
        {
            return _isRunning = _again && !_stop.IsCancellationRequested;
        }
    }

    /// <summary>One page; what is to be waited for before the next turn, nothing where there is none.</summary>
    private async Task<TimeSpan> TurnAsync()
    {
        await _following.BeginAsync();
        var page = await engine.Log.ReadAsync(From, _place, Page, ct: _stop.Token);
        if (!page.Recovered)
        {
            await SkipAsync(page.Top);
            _again = true;
            return TimeSpan.Zero;
        }

        foreach (var entry in page.Entries)
        {
            _stop.Token.ThrowIfCancellationRequested();
            if (Owner() is not var (sender, grant))
            {
                State = "stopped";
                return TimeSpan.Zero;
            }

            State = "running";
            if (Limit(entry) is { } over)
            {
                return over;
            }

            if (await carrying.CarryAsync(_record, sender, grant, entry, all.Share(this, entry)) is { } error && Pause(entry, error) is { } pause)
            {
                return pause;
            }

            _place = entry.Position;
            if (++_unsaved >= Page)
            {
                await SaveAsync();
            }
        }

        _again |= !page.End;
        return TimeSpan.Zero;
    }

    /// <summary>The owner as it stands now, at every message (G10); null: it may not act.</summary>
    private (Sender Sender, PipeGrant Grant)? Owner()
    {
        if (owners.Find(_record.Owner, _record.Grant) is not var (sender, grant))
        {
            return null;
        }

        if (!ReferenceEquals(grant, _record.Grant))
        {
            all.Renew(this, grant);
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
            return Wait(over);
        }

        _counted = entry.Position;
        return null;
    }

    /// <summary>How long to wait before the same message is tried again; null: never, it has ended and that is announced.</summary>
    private TimeSpan? Pause(LogEntry entry, DuplexityError error)
    {
        if (error.Is(Errors.OutcomeUnknown))
        {
            return options.MessagePipes.Pause;
        }

        if (error.Is(Errors.RateLimited) && error.RetryAfterMs is not null)
        {
            return Wait(error);
        }

        (_tried, _attempts) = _tried == entry.Position ? (_tried, _attempts + 1) : (entry.Position, 1);
        if (error.Is(Errors.Unavailable) && _attempts < options.MessagePipes.Attempts)
        {
            return options.MessagePipes.Pause;
        }

        carrying.End(_record, entry, error, AnnouncedAction.DeadLetter);
        return null;
    }

    private static TimeSpan Wait(DuplexityError over)
    {
        var wait = TimeSpan.FromMilliseconds(Math.Max(over.RetryAfterMs ?? 0, 1));
        return wait < LongestWait ? wait : LongestWait;
    }

    /// <summary>The place is gone from the log: what lay behind it is lost to this pipe, which is said, and it goes on with what is left (G20).</summary>
    private async Task SkipAsync(Position top)
    {
        var first = (await engine.Log.ReadAsync(From, null, 1, ct: _stop.Token)).Entries;
        var (gone, to) = (_place, first.Count > 0 ? first[0].Before : top);
        _place = to;
        logger.DeadStretch(VisibleText.Of($"{_record.Owner}/{_record.Id}", VisibleText.LogLength), VisibleText.Of(_record.From, VisibleText.LogLength), gone, to);
        carrying.Say(_record, null, AnnouncedAction.DeadStretch, note: $"{gone} {to}");
        await SaveAsync();
    }
}
