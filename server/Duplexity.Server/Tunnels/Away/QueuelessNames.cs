using System.Collections.Concurrent;
using Duplexity.Server.Backend;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>
/// Names under wildcards that had no queue when that was looked up, so that a wildcard's visitors do not cost a look into the records each. A queue begins with a registration, and one under a wildcard is told to all
/// nodes before it is answered: whatever is registered or ends, all is forgotten. Thread-safe.
/// </summary>
internal sealed class QueuelessNames
{
    /// <summary>As what the registry has found (G7).</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);

    /// <summary>How many are remembered, a megabyte; then all are forgotten: visitors choose them.</summary>
    private const int Most = 10_000;

    private readonly TimeProvider _time;
    private volatile ConcurrentDictionary<string, long> _names = new(StringComparer.Ordinal);

    public QueuelessNames(BackendRegistry backend, TimeProvider time)
    {
        _time = time;
        backend.Forgotten += Forget;
    }

    /// <summary>The queue of a name, as <paramref name="find"/> finds it unless it is known that there is none; null: there is none.</summary>
    public async ValueTask<QueueRecord?> FindAsync(string name, Func<string, CancellationToken, ValueTask<QueueRecord?>> find, CancellationToken ct)
    {
        var names = _names;
        if (names.TryGetValue(name, out var at) && _time.GetElapsedTime(at) < Fresh)
        {
            return null;
        }

        at = _time.GetTimestamp();
        if (await find(name, ct) is { } queue)
        {
            return queue;
        }

        if (names.Count >= Most)
        {
            names.Clear();
        }

        names[name] = at; // for nobody, where all was forgotten meanwhile
        return null;
    }

    /// <summary>One of them may have a queue by now.</summary>
    public void Forget() => _names = new(StringComparer.Ordinal);
}
