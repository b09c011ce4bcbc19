namespace Duplexity.Server.Engine;

/// <summary>Which session serves which public name, in this process's memory, by name and by owner.</summary>
internal sealed class MemoryRegistry(TimeProvider time, TimeSpan handOver) : IRegistry
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, PipeEntry> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedDictionary<string, PipeEntry>> _byClient = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _below = new(StringComparer.Ordinal);
    private readonly LeftNames _left = new(time, handOver);
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
                if (!named.Add(entry.Name) || (there is not null && !MayReplace(there, entry)) || (there is null && RelatedUnsynchronized(entry).Any(r => r.Client != entry.Client)))
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
            var entry = _byName.GetValueOrDefault(name) ?? NameTree.WildcardsOver(name).Select(w => _byName.GetValueOrDefault(w)).FirstOrDefault(e => e is not null);
            return new(entry is null || _left.Rests(name, entry.Client) ? null : entry);
        }
    }

    /// <inheritdoc/>
    public ValueTask<PipeEntry?> ReadAsync(string name, CancellationToken ct = default)
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

    // At, above or below it.
    private IEnumerable<PipeEntry> RelatedUnsynchronized(PipeEntry entry)
    {
        var roots = entry.Tree.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return roots.Length == 0 ? [] : roots.SelectMany(r => new[] { r, NameTree.WildcardOf(r) }).Concat(_below.GetValueOrDefault(roots[0]) ?? []).Select(_byName.GetValueOrDefault).OfType<PipeEntry>();
    }

    private void AddUnsynchronized(PipeEntry entry)
    {
        foreach (var above in entry.Tree.Split(' ').Skip(1))
        {
            if (!_below.TryGetValue(above, out var below))
            {
                _below.Add(above, below = new(StringComparer.Ordinal));
            }

            below.Add(entry.Name);
        }

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
        foreach (var above in entry.Tree.Split(' ').Skip(1))
        {
            if (_below.TryGetValue(above, out var below) && below.Remove(entry.Name) && below.Count == 0)
            {
                _below.Remove(above);
            }
        }

        if (entry.Tree.Length > 0)
        {
            _left.Add(entry.Name, entry.Client);
        }

        var own = _byClient[entry.Client];
        own.Remove(entry.Name);
        if (own.Count == 0)
        {
            _byClient.Remove(entry.Client);
        }
    }
}
