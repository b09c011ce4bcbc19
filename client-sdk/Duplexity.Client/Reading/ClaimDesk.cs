using System.Collections.Concurrent;
using Duplexity.Links;

namespace Duplexity.Reading;

/// <summary>What a connection has claimed of its inbox. Thread-safe.</summary>
internal sealed class ClaimDesk
{
    private readonly ConcurrentDictionary<(long Offset, int Attempt), ClaimKeeper> _held = new();
    private readonly Listener _listener;
    private readonly DuplexityConnectionOptions _options;

    public ClaimDesk(Listener listener, DuplexityConnectionOptions options)
    {
        (_listener, _options) = (listener, options);
        listener.Claimed += Begin;
        listener.Withdrawn += withdrawn => Find(withdrawn.Position, withdrawn.Attempt)?.Lose();
    }

    /// <summary>Whether nothing is claimed.</summary>
    public bool IsEmpty => _held.IsEmpty;

    public TimeProvider Time => _options.TimeProvider;

    public TimeSpan Patience => _options.SendTimeout;

    public string? As => _listener.As;

    public string? Reader => _listener.Reader;

    /// <summary>What is kept of a message; null: it is over.</summary>
    public ClaimKeeper? Find(Position position, int attempt) => _held.GetValueOrDefault((position.Offset, attempt));

    /// <summary>It is sure: the readers may have it.</summary>
    public void HandOut(ClaimKeeper keeper)
    {
        if (!_listener.Buffer.TryAdd(keeper.Message))
        {
            _ = keeper.ReturnAsync(TimeSpan.Zero);
        }
    }

    public void Forget(ClaimKeeper keeper) => _held.TryRemove(new((keeper.Message.Position.Offset, keeper.Message.Attempt), keeper));

    /// <summary>Gives back everything, for others to have it at once: the connection ends, the work has not failed.</summary>
    public Task ReturnAllAsync() => Task.WhenAll(_held.Values.Select(k => k.ReturnAsync(TimeSpan.Zero, isLost: true)));

    /// <summary>The connection is over for good.</summary>
    public void End()
    {
        foreach (var keeper in _held.Values)
        {
            keeper.Lose();
        }
    }

    private void Begin(DataLink link, Message message)
    {
        var keeper = new ClaimKeeper(this, link, message);
        if (_held.TryAdd((message.Position.Offset, message.Attempt), keeper))
        {
            _ = Task.Run(keeper.KeepAsync);
        }
    }
}
