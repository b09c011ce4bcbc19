namespace Duplexity.Server.Pipes.Cooked;

/// <summary>How far a pipe has come in its source, and how it is written down: one write at a time, and none behind the removal of the pipe. Thread-safe, but for <see cref="Move"/>, which one runner calls.</summary>
internal sealed class PipePlace(string edge, Position place, PipeStore store)
{
    private readonly SemaphoreSlim _saving = new(1, 1);
    private volatile Position _now = place;
    private volatile Position? _saved;
    private volatile int _unsaved;
    private bool _isRemoved;

    /// <summary>Up to where everything is settled.</summary>
    public Position Now => _now;

    /// <summary>What was written down last; null: nothing yet by this process.</summary>
    public Position? Saved => _saved;

    /// <summary>How often it has moved since.</summary>
    public int Unsaved => _unsaved;

    /// <summary>Everything up to a place is settled.</summary>
    public void Move(Position place)
    {
        _now = place;
        _unsaved++;
    }

    /// <summary>Writes it down, if that is news.</summary>
    public async Task SaveAsync()
    {
        await _saving.WaitAsync();
        try
        {
            var place = _now;
            if (place != _saved && !_isRemoved)
            {
                await store.WritePlaceAsync(edge, place);
                (_saved, _unsaved) = (place, 0);
            }
        }
        finally
        {
            _saving.Release();
        }
    }

    /// <summary>Takes the pipe out of the store for good. Where that fails, everything is as it was.</summary>
    public async Task RemoveAsync()
    {
        await _saving.WaitAsync();
        try
        {
            await store.RemoveAsync(edge);
            _isRemoved = true;
        }
        finally
        {
            _saving.Release();
        }
    }
}
