namespace Duplexity.Server.Engine;

/// <summary>One change at a time of what has a name: who reads, writes to the disk and then remembers, has it for itself meanwhile. Names share a few turns, so that nothing grows with them. Thread-safe.</summary>
internal sealed class ChangeTurns
{
    private readonly SemaphoreSlim[] _turns = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1, 1))];

    /// <summary>Waits for the turn of a name. Dispose of what it answers to end it.</summary>
    public async ValueTask<IDisposable> EnterAsync(string name, CancellationToken ct)
    {
        var turn = _turns[(uint)name.GetHashCode(StringComparison.Ordinal) % _turns.Length];
        await turn.WaitAsync(ct);
        return new Turn(turn);
    }

    private sealed class Turn(SemaphoreSlim turn) : IDisposable
    {
        public void Dispose() => turn.Release();
    }
}
