namespace Duplexity.Server.Engine;

/// <summary>Which sessions serve which public name, in this process's memory.</summary>
internal sealed class MemoryRegistry(TimeProvider time) : IRegistry
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, PipeEntry[]> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<string>> _namesOf = new(StringComparer.Ordinal);
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
                var others = Of(entry.Name).Where(there => !there.StandsBeside(entry)).ToArray();
                if (!named.Add(entry.Name) || !Array.TrueForAll(others, there => MayReplace(there, entry)))
                {
                    conflicts.Add(entry.Name);
                }
                else
                {
                    replaced.AddRange(others.Where(there => there.Generation < entry.Generation));
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
    public ValueTask<IReadOnlyList<PipeEntry>> LocateAllAsync(string name, CancellationToken ct = default)
    {
        lock (_lock)
        {
            return new(Of(name));
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PipeEntry>> ListAsync(string? client, CancellationToken ct = default)
    {
        lock (_lock)
        {
            return client is null ? new([.. _namesOf.Values.SelectMany(names => names.SelectMany(Of))]) : new([.. NamesOf(client).SelectMany(Of)]);
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PipeEntry>> RemoveAsync(
        string client, string session, long generation, IReadOnlyList<string>? names = null, CancellationToken ct = default)
    {
        lock (_lock)
        {
            var asked = names is null ? NamesOf(client) : names.Distinct(StringComparer.Ordinal);
            PipeEntry[] removed = [.. asked.SelectMany(Of).Where(e => e.Client == client && e.Session == session && e.Generation <= generation)];
            foreach (var entry in removed)
            {
                PutUnsynchronized(entry.Name, client, [.. Of(entry.Name).Where(e => e != entry)]);
            }

            return new(removed);
        }
    }

    // The same generation again is the same session that repeats itself, and no news to anyone.
    private static bool MayReplace(PipeEntry there, PipeEntry entry) =>
        there.Client == entry.Client && (there.Generation < entry.Generation || (there.Generation == entry.Generation && there.Session == entry.Session));

    private PipeEntry[] Of(string name) => _byName.GetValueOrDefault(name) ?? [];

    private IEnumerable<string> NamesOf(string client) => _namesOf.TryGetValue(client, out var names) ? names : [];

    private void AddUnsynchronized(PipeEntry entry) =>
        PutUnsynchronized(entry.Name, entry.Client, [.. Of(entry.Name).Where(there => there.StandsBeside(entry)).Append(entry).OrderBy(e => e.Generation)]);

    private void PutUnsynchronized(string name, string client, PipeEntry[] entries)
    {
        var names = _namesOf.GetValueOrDefault(client) ?? new(StringComparer.Ordinal);
        if (entries.Length > 0)
        {
            _byName[name] = entries;
            names.Add(name);
            _namesOf[client] = names;
            return;
        }

        _byName.Remove(name);
        names.Remove(name);
        if (names.Count == 0)
        {
            _namesOf.Remove(client);
        }
    }
}
