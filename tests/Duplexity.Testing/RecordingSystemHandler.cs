using System.Collections.Concurrent;
using Duplexity.Server.Engine;

namespace Duplexity.Testing;

/// <summary>Records what a node is told, in its order.</summary>
internal sealed class RecordingSystemHandler(int hits = 1) : ISystemHandler
{
    private int _missed;

    /// <summary>What was told.</summary>
    public ConcurrentQueue<(string Kind, string Text)> Told { get; } = new();

    /// <summary>How often something was missed.</summary>
    public int Missed => Volatile.Read(ref _missed);

    /// <summary>Awaited before anything is done.</summary>
    public Func<Task> Hold { get; set; } = () => Task.CompletedTask;

    public async ValueTask<int> OnToldAsync(string kind, string text)
    {
        await Hold();
        Told.Enqueue((kind, text));
        return hits;
    }

    public ValueTask OnMissedAsync()
    {
        Interlocked.Increment(ref _missed);
        return default;
    }
}
