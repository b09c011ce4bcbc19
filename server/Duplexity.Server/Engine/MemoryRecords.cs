namespace Duplexity.Server.Engine;

/// <summary>Records in this process's memory: what a node without a data folder has.</summary>
internal sealed class MemoryRecords(TimeProvider time) : IRecords
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Kind, string Key), Record> _records = [];

    /// <inheritdoc/>
    public bool IsDurable => false;

    /// <inheritdoc/>
    public ValueTask<bool> TryAddAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default)
    {
        lock (_lock)
        {
            if (FindUnsynchronized(kind, key) is not null)
            {
                return new(false);
            }

            _records[(kind, key)] = new(value, expiresAt);
            return new(true);
        }
    }

    /// <inheritdoc/>
    public ValueTask PutAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default)
    {
        lock (_lock)
        {
            _records[(kind, key)] = new(value, expiresAt);
            return default;
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> TryReplaceAsync(string kind, string key, string expected, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default)
    {
        lock (_lock)
        {
            if (FindUnsynchronized(kind, key)?.Value != expected)
            {
                return new(false);
            }

            _records[(kind, key)] = new(value, expiresAt);
            return new(true);
        }
    }

    /// <inheritdoc/>
    public ValueTask<string?> ReadAsync(string kind, string key, CancellationToken ct = default)
    {
        lock (_lock)
        {
            return new(FindUnsynchronized(kind, key)?.Value);
        }
    }

    /// <inheritdoc/>
    public ValueTask<string?> TakeAsync(string kind, string key, CancellationToken ct = default)
    {
        lock (_lock)
        {
            var found = FindUnsynchronized(kind, key);
            _records.Remove((kind, key));
            return new(found?.Value);
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(string kind, CancellationToken ct = default)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            return new([.. _records.Where(r => r.Key.Kind == kind && !r.Value.IsOver(now)).OrderBy(r => r.Key.Key, StringComparer.Ordinal)
                .Select(r => KeyValuePair.Create(r.Key.Key, r.Value.Value))]);
        }
    }

    /// <summary>Lets go of what has expired.</summary>
    public void Sweep()
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            foreach (var key in _records.Where(r => r.Value.IsOver(now)).Select(r => r.Key).ToArray())
            {
                _records.Remove(key);
            }
        }
    }

    private Record? FindUnsynchronized(string kind, string key) =>
        _records.TryGetValue((kind, key), out var record) && !record.IsOver(time.GetUtcNow()) ? record : null;

    private sealed record Record(string Value, DateTimeOffset? ExpiresAt)
    {
        public bool IsOver(DateTimeOffset now) => ExpiresAt <= now;
    }
}
