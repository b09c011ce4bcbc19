namespace Duplexity.Server.Engine;

/// <summary>
/// Hostnames that a client had until a moment ago: visitors of them may still be on their way to that client, and so another one does not serve them yet (G7). Forgotten when their time is over. Not thread-safe.
/// </summary>
internal sealed class LeftNames(TimeProvider time, TimeSpan rest)
{
    // The CID of nobody: several have had the name within the time.
    private const string Several = "";

    private readonly Dictionary<string, (string Client, DateTimeOffset Until)> _left = new(StringComparer.Ordinal);
    private readonly Queue<(string Name, DateTimeOffset Until)> _order = new();

    /// <summary>A client has left a name.</summary>
    public void Add(string name, string client)
    {
        var now = time.GetUtcNow();
        while (_order.TryPeek(out var oldest) && oldest.Until <= now)
        {
            _order.Dequeue();
            if (_left.TryGetValue(oldest.Name, out var last) && last.Until <= now)
            {
                _left.Remove(oldest.Name);
            }
        }

        if (rest > TimeSpan.Zero)
        {
            // Who registered it while it rested may come back at once, and has still not served it.
            _left[name] = (_left.TryGetValue(name, out var left) && left.Until > now && left.Client != client ? Several : client, now + rest);
            _order.Enqueue((name, now + rest));
        }
    }

    /// <summary>Whether a client does not serve a host yet, because somebody else had it until a moment ago, or a wildcard over it.</summary>
    public bool Rests(string host, string client)
    {
        if (_left.Count == 0)
        {
            return false;
        }

        var now = time.GetUtcNow();
        return NameTree.WildcardsOver(host).Prepend(host).Any(n => _left.TryGetValue(n, out var left) && left.Until > now && left.Client != client);
    }
}
