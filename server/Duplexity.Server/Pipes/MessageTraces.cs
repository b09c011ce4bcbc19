using System.Collections.Concurrent;

namespace Duplexity.Server.Pipes;

/// <summary>
/// Whose messages are traced, for a time, and the traces of the last of them. In memory, bounded; where nothing is traced, a message costs one look. Thread-safe.
/// </summary>
internal sealed class MessageTraces(TimeProvider time, DuplexityOptions options)
{
    /// <summary>Senders and channels that can be traced at once.</summary>
    private const int MostTargets = 16;

    private readonly ConcurrentDictionary<Address, DateTimeOffset> _targets = new();
    private readonly ConcurrentDictionary<string, MessageTrace> _traces = new();
    private readonly ConcurrentQueue<string> _order = new();

    // An empty concurrent dictionary takes all of its locks to say so, and this is asked for every message and every copy.
    private volatile bool _isTracing;
    private volatile bool _hasTraces;

    /// <summary>Traces what a client sends, or what is sent to a channel; false where as many are traced as can be.</summary>
    public bool Start(Address target, TimeSpan duration)
    {
        Prune();
        if (_targets.Count >= MostTargets && !_targets.ContainsKey(target))
        {
            return false;
        }

        _targets[target] = time.GetUtcNow() + duration;
        _isTracing = true;
        return true;
    }

    /// <summary>The trace of a message, from now on; null where nobody wants it.</summary>
    public MessageTrace? Begin(Sender sender, string messageId, List<Destination> destinations)
    {
        if (!_isTracing || !IsTraced(sender, destinations))
        {
            return null;
        }

        if (_traces.TryGetValue(messageId, out var there))
        {
            // A repeat of the same send: one way, told twice.
            return there.Owner == sender.Client ? there : null;
        }

        var trace = _traces[messageId] = new MessageTrace(messageId, sender.Client);
        _hasTraces = true;
        _order.Enqueue(messageId);
        while (_order.Count > options.Announcements.Traces && _order.TryDequeue(out var oldest))
        {
            _traces.TryRemove(oldest, out _);
        }

        return trace;
    }

    /// <summary>The trace that was kept of a message; null: none.</summary>
    public MessageTrace? Find(string messageId) => _hasTraces ? _traces.GetValueOrDefault(messageId) : null;

    private bool IsTraced(Sender sender, List<Destination> destinations)
    {
        Prune();
        if (_targets.Keys.Any(t => t.Kind == AddressKind.Client && t.Name == sender.Client))
        {
            return true;
        }

        foreach (var destination in destinations)
        {
            if (_targets.ContainsKey(destination.Address))
            {
                return true;
            }
        }

        return false;
    }

    private void Prune()
    {
        var now = time.GetUtcNow();
        foreach (var (target, until) in _targets)
        {
            if (until <= now)
            {
                _targets.TryRemove(new(target, until));
                _isTracing = !_targets.IsEmpty;
            }
        }
    }
}
