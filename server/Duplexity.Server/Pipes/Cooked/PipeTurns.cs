namespace Duplexity.Server.Pipes.Cooked;

/// <summary>How many pipes are at work at once: a number for the node, and a quarter of it for the pipes of one owner, so that nobody's pipes hold up those of others. Thread-safe.</summary>
internal sealed class PipeTurns(int all, TimeProvider time)
{
    private readonly SemaphoreSlim _all = new(all);
    private readonly int _share = Math.Max(1, all / 4);
    private readonly Dictionary<string, Owner> _owners = [];

    /// <summary>How many could begin now.</summary>
    public int Free => _all.CurrentCount;

    /// <summary>Waits for a turn, first among those of its owner. Dispose of what it answers to end it.</summary>
    public async ValueTask<PipeTurn> EnterAsync(string owner, CancellationToken ct)
    {
        var turn = new PipeTurn(this, time, owner);
        await turn.EnterAsync(ct);
        return turn;
    }

    /// <summary>Waits for a turn; <see cref="Leave(string)"/> ends it.</summary>
    public async ValueTask TakeAsync(string owner, CancellationToken ct)
    {
        Owner mine;
        lock (_owners)
        {
            if (!_owners.TryGetValue(owner, out mine!))
            {
                _owners[owner] = mine = new Owner(new SemaphoreSlim(_share));
            }

            mine.Count++;
        }

        var isMine = false;
        try
        {
            await mine.Turns.WaitAsync(ct);
            isMine = true;
            await _all.WaitAsync(ct);
        }
        catch
        {
            Leave(owner, mine, isMine);
            throw;
        }
    }

    /// <summary>Ends a turn of an owner.</summary>
    public void Leave(string owner)
    {
        Owner mine;
        lock (_owners)
        {
            mine = _owners[owner];
        }

        _all.Release();
        Leave(owner, mine, isMine: true);
    }

    private void Leave(string owner, Owner mine, bool isMine)
    {
        if (isMine)
        {
            mine.Turns.Release();
        }

        lock (_owners)
        {
            if (--mine.Count == 0)
            {
                _owners.Remove(owner);
            }
        }
    }

    private sealed record Owner(SemaphoreSlim Turns)
    {
        public int Count { get; set; }
    }
}

/// <summary>One pipe's turn, from when it has begun until it is disposed of. For one at a time.</summary>
internal sealed class PipeTurn(PipeTurns turns, TimeProvider time, string owner) : IDisposable
{
    /// <summary>How long something may take before others have the turn meanwhile: longer than a disk needs.</summary>
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(100);

    private bool _isIn;

    /// <summary>Begins it.</summary>
    public async ValueTask EnterAsync(CancellationToken ct)
    {
        await turns.TakeAsync(owner, ct);
        _isIn = true;
    }

    /// <summary>Awaits what may take long, such as a gate: after a moment others have the turn until it is done.</summary>
    public async Task<T> LendAsync<T>(Task<T> work, CancellationToken ct)
    {
        try
        {
            return await work.WaitAsync(Moment, time, CancellationToken.None);
        }
        catch (TimeoutException) when (!work.IsCompleted)
        {
            Dispose();
        }

        var done = await work;
        await EnterAsync(ct);
        return done;
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        if (_isIn)
        {
            _isIn = false;
            turns.Leave(owner);
        }
    }
}
