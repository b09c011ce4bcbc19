namespace Duplexity.Server.Pipes.Cooked;

/// <summary>
/// How far a pipe has come in its source, and how it is written down: one write at a time, none behind the removal of the pipe, and none over what another node has written, which then is where this one goes on. Thread-safe, but
/// for <see cref="FindAsync"/> and <see cref="Move"/>, which one runner calls.
/// </summary>
internal sealed class PipePlace(string edge, PipeStore store)
{
    private readonly SemaphoreSlim _saving = new(1, 1);
    private string? _written;
    private volatile Position? _now;
    private volatile bool _isOthers = true;
    private volatile int _unsaved;
    private bool _isRemoved;

    /// <summary>Up to where everything is settled; null: this process has not looked yet.</summary>
    public Position? Now => _now;

    /// <summary>How often it has moved since it was written down.</summary>
    public int Unsaved => _unsaved;

    /// <summary>Where the pipe goes on: as this process knows, or as it is written where somebody else has carried it.</summary>
    public async Task<Position> FindAsync(PipeRecord record)
    {
        if (!_isOthers)
        {
            return _now!;
        }

        await _saving.WaitAsync();
        try
        {
            _written = await store.ReadProgressAsync(edge);
            _now = await store.FindPlaceAsync(record, PipeProgress.Of(record, _written).Place);
            _isOthers = false;
            return _now;
        }
        finally
        {
            _saving.Release();
        }
    }

    /// <summary>Everything up to a place is settled.</summary>
    public void Move(Position place)
    {
        _now = place;
        _unsaved++;
    }

    /// <summary>Writes it down with the state that the pipe is in, if that is news.</summary>
    public async Task SaveAsync(string state)
    {
        await _saving.WaitAsync();
        try
        {
            if (_isOthers || _isRemoved || new PipeProgress(_now!, state).ToString() is var progress && progress == _written)
            {
                return;
            }

            if (await store.TryWriteProgressAsync(edge, _written, progress))
            {
                (_written, _unsaved) = (progress, 0);
            }
            else
            {
                _isOthers = true;
            }
        }
        finally
        {
            _saving.Release();
        }
    }

    /// <summary>The pipe is no more: from here on nothing of it is written.</summary>
    public async Task RemoveAsync()
    {
        await _saving.WaitAsync();
        try
        {
            _isRemoved = true;
            await store.ForgetProgressAsync(edge);
        }
        finally
        {
            _saving.Release();
        }
    }
}

/// <summary>How far a pipe has come and in which state it was, as it is written down for all nodes: <c>PLACE STATE</c>.</summary>
internal sealed record PipeProgress(Position Place, string State)
{
    /// <summary>Of a pipe, as it is written; null: nothing is, and it begins where it was set.</summary>
    public static PipeProgress Of(PipeRecord record, string? text) =>
        text?.Split(' ', 2) is [var place, var state] ? new(Position.Parse(place), state) : new(record.Versions[0].Since, PipeState.Running);

    public override string ToString() => $"{Place} {State}";
}

/// <summary>What a pipe can be doing, as its owner is shown.</summary>
internal static class PipeState
{
    public const string Running = "running";
    public const string Waiting = "waiting";
    public const string Stopped = "stopped";
}
