namespace Duplexity.Server.Pipes.Cooked;

/// <summary>How many pipes are at work at once: a number for the node, and a quarter of it for the pipes of one owner, so that slow gates of one hold up nobody else. Thread-safe.</summary>
internal sealed class PipeTurns(int all)
{
    private readonly SemaphoreSlim _all = new(all);
    private readonly int _share = Math.Max(1, all / 4);
    private readonly Dictionary<string, Owner> _owners = [];

    /// <summary>How many could begin now.</summary>
    public int Free => _all.CurrentCount;

    /// <summary>Waits for a turn, first among those of its owner. Dispose of what it answers to end it.</summary>
    public async ValueTask<IDisposable> EnterAsync(string owner, CancellationToken ct)
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
            return new Turn(this, owner, mine);
        }
        catch
        {
            Leave(owner, mine, isMine);
            throw;
        }
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

    private sealed class Turn(PipeTurns turns, string owner, Owner mine) : IDisposable
    {
        public void Dispose()
        {
            turns._all.Release();
            turns.Leave(owner, mine, isMine: true);
        }
    }
}
