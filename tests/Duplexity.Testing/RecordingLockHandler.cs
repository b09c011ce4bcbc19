using System.Collections.Concurrent;
using System.Threading.Channels;
using Duplexity.Server.Engine;

namespace Duplexity.Testing;

/// <summary>A node as an engine's locks see it: keeps what happens, and lets a test wait for it.</summary>
internal sealed class RecordingLockHandler : ILockHandler
{
    private readonly Channel<LockChange> _arrived = Channel.CreateUnbounded<LockChange>();

    /// <summary>All that has happened.</summary>
    public ConcurrentQueue<LockChange> All { get; } = new();

    public void OnLockChanged(LockChange change)
    {
        All.Enqueue(change);
        _arrived.Writer.TryWrite(change);
    }

    /// <summary>The next change of this kind; those before it are passed by.</summary>
    public async Task<LockChange> NextAsync(LockEvent what)
    {
        while (true)
        {
            if (await _arrived.Reader.ReadAsync().Soon() is var change && change.Event == what)
            {
                return change;
            }
        }
    }
}
