namespace Duplexity.Reading;

/// <summary>
/// The ids of the messages that were handed out lately, across all channels of a connection: what keeps an id from reaching a reader twice (G9). Bounded,
/// oldest out first. Thread-safe.
/// </summary>
internal sealed class SeenIds(int capacity = SeenIds.DefaultCapacity)
{
    /// <summary>4,096: what 16 channels with full read buffers hold, about half a megabyte of ids.</summary>
    public const int DefaultCapacity = 4096;

    private readonly Lock _gate = new();
    private readonly HashSet<string> _ids = [];
    private readonly Queue<string> _order = new();

    public bool Contains(string id)
    {
        lock (_gate)
        {
            return _ids.Contains(id);
        }
    }

    /// <summary>False if it was there.</summary>
    public bool TryAdd(string id)
    {
        lock (_gate)
        {
            if (!_ids.Add(id))
            {
                return false;
            }

            _order.Enqueue(id);
            if (_order.Count > capacity)
            {
                _ids.Remove(_order.Dequeue());
            }

            return true;
        }
    }
}
