using System.Runtime.InteropServices;

namespace Duplexity.Server.Engine;

/// <summary>
/// The memory log's idempotency records, by client (G4). They are kept once for the whole store and not in each destination's log: this store is lost as a whole or not at all, so
/// that a log and its records cannot part. Not thread-safe: the log's lock is held around every call.
/// </summary>
internal sealed class MemoryReceipts(LimitOptions limits, TimeSpan window)
{
    private readonly Dictionary<string, ClientReceipts> _clients = [];

    /// <summary>What the append with this key did before; null where it has to be done now.</summary>
    public AppendResult? Find(IdempotencyKey key, string messageId, TimeSpan now) =>
        _clients.TryGetValue(key.Client, out var client) ? client.Find(key, messageId, now) : key.TooEarly(0, messageId);

    public void Keep(IdempotencyKey key, AppendResult result, TimeSpan now)
    {
        ref var client = ref CollectionsMarshal.GetValueRefOrAddDefault(_clients, key.Client, out _);
        client ??= new ClientReceipts(limits, window);
        client.Keep(key, result, now);
    }

    /// <summary>Lets go of the records of clients that have gone quiet.</summary>
    public void Sweep(TimeSpan now)
    {
        foreach (var (name, client) in _clients)
        {
            client.Trim(now);
            if (client.IsEmpty)
            {
                _clients.Remove(name);
            }
        }
    }

    public MemoryReceipts Copy()
    {
        var copy = new MemoryReceipts(limits, window);
        foreach (var (name, client) in _clients)
        {
            copy._clients.Add(name, client.Copy());
        }

        return copy;
    }
}
