namespace Duplexity.Server.Engine;

/// <summary>Which session serves which public name, in this process's memory, by name and by owner.</summary>
internal sealed class MemoryRegistry(TimeProvider time) : IRegistry
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, PipeEntry> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedDictionary<string, PipeEntry>> _byClient = new(StringComparer.Ordinal);
    private long _lastGeneration;

    /// <inheritdoc/>
    public ValueTask<long> NextGenerationAsync(CancellationToken ct = default)
    {
        lock (_lock)
        {
            var microseconds = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
            _lastGeneration = Math.Max(_lastGeneration + 1, microseconds);
            return new(_lastGeneration);
        }
    }

    /// <inheritdoc/>
    public ValueTask<RegisterResult> RegisterAsync(IReadOnlyList<PipeEntry> entries, CancellationToken ct = default)
    {
        lock (_lock)
        {
            var named = new HashSet<string>(StringComparer.Ordinal);
            var conflicts = new List<string>();
            var replaced = new List<PipeEntry>();
            foreach (var entry in entries)
            {
                var there = _byName.GetValueOrDefault(entry.Name);
                if (!named.Add(entry.Name) || (there is not null && !MayReplace(there, entry)))
                {
                    conflicts.Add(entry.Name);
                }
                else if (there is not null && there.Generation < entry.Generation)
                {
                    replaced.Add(there);
                }
            }

            if (conflicts.Count > 0)
            {
                return new(new RegisterResult(conflicts, []));
            }

            foreach (var entry in entries)
            {
                AddUnsynchronized(entry);
            }

            return new(new RegisterResult([], replaced));
        }
    }

    /// <inheritdoc/>
    public ValueTask<PipeEntry?> LocateAsync(string name, CancellationToken ct = default)
    {
        lock (_lock)
        {
            return new(_byName.GetValueOrDefault(name));
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PipeEntry>> ListAsync(string? client, CancellationToken ct = default)
    {
        lock (_lock)
        {
            if (client is null)
            {
                return new([.. _byClient.Values.SelectMany(own => own.Values)]);
            }

            return new(_byClient.TryGetValue(client, out var own) ? [.. own.Values] : []);
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PipeEntry>> RemoveAsync(
        string client, string session, long generation, IReadOnlyList<string>? names = null, CancellationToken ct = default)
    {
        lock (_lock)
        {
            if (!_byClient.TryGetValue(client, out var own))
            {
                return new([]);
            }

            var asked = names is null ? own.Values : names.Distinct(StringComparer.Ordinal).Select(own.GetValueOrDefault).OfType<PipeEntry>();
            PipeEntry[] removed = [.. asked.Where(e => e.Session == session && e.Generation <= generation)];
            foreach (var entry in removed)
            {
                RemoveUnsynchronized(entry);
            }

            return new(removed);
        }
    }

    // The same generation again is the same session that repeats itself, and no news to anyone.
    private static bool MayReplace(PipeEntry there, PipeEntry entry) =>
        there.Client == entry.Client && (there.Generation < entry.Generation || (there.Generation == entry.Generation && there.Session == entry.Session));

    private void AddUnsynchronized(PipeEntry entry)
    {
        _byName[entry.Name] = entry;
        if (!_byClient.TryGetValue(entry.Client, out var own))
        {
            own = new(StringComparer.Ordinal);
            _byClient.Add(entry.Client, own);
        }

        own[entry.Name] = entry;
    }

    private void RemoveUnsynchronized(PipeEntry entry)
    {
        _byName.Remove(entry.Name);
        var own = _byClient[entry.Client];
        own.Remove(entry.Name);
        if (own.Count == 0)
        {
            _byClient.Remove(entry.Client);
        }
    }
}
