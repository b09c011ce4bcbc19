namespace Duplexity.Server.Engine;

/// <summary>Which sessions serve which public name, in this process's memory.</summary>
internal sealed class MemoryRegistry(TimeProvider time, TimeSpan handOver) : IRegistry
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, PipeEntry[]> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<string>> _namesOf = new(StringComparer.Ordinal);
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
                var there = Of(entry.Name);
                var others = there.Where(t => !t.StandsBeside(entry)).ToArray();
                if (!named.Add(entry.Name) || !Array.TrueForAll(others, other => MayReplace(other, entry)) || (there.Length == 0 && IsInForeignTree(entry)))
                {
                    conflicts.Add(entry.Name);
                }
                else
                {
                    replaced.AddRange(others.Where(other => other.Generation < entry.Generation));
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
            var entries = NameTree.WildcardsOver(name).Prepend(name).Select(Of).FirstOrDefault(e => e.Length > 0) ?? [];
            return new(entries.Length == 0 || _left.Rests(name, entries[0].Client) ? [] : entries);
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PipeEntry>> ReadAllAsync(string name, CancellationToken ct = default)
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
                RemoveUnsynchronized(entry);
            }

            return new(removed);
        }
    }

    // The same generation again is the same session: what it repeats is no news, and what it changes (PipeEntry.Revision) it tells itself.
    private static bool MayReplace(PipeEntry there, PipeEntry entry) =>
        there.Client == entry.Client && (there.Generation < entry.Generation || (there.Generation == entry.Generation && there.Session == entry.Session));

    private static IEnumerable<string> Above(PipeEntry entry) => entry.Tree.Split(' ').Skip(1);

    private PipeEntry[] Of(string name) => _byName.GetValueOrDefault(name) ?? [];

    private IEnumerable<string> NamesOf(string client) => _namesOf.TryGetValue(client, out var names) ? names : [];

    // Whether somebody else has a name at, above or below it.
    private bool IsInForeignTree(PipeEntry entry)
    {
        var roots = entry.Tree.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return roots.Length > 0 && roots.SelectMany(r => new[] { r, NameTree.WildcardOf(r) }).Concat(_below.GetValueOrDefault(roots[0]) ?? []).Any(n => Of(n) is [var there, ..] && there.Client != entry.Client);
    }

    private void AddUnsynchronized(PipeEntry entry)
    {
        foreach (var above in Above(entry))
        {
            if (!_below.TryGetValue(above, out var below))
            {
                _below.Add(above, below = new(StringComparer.Ordinal));
            }

            below.Add(entry.Name);
        }

        _byName[entry.Name] = [.. Of(entry.Name).Where(there => there.StandsBeside(entry)).Append(entry).OrderBy(e => e.Generation)];
        if (!_namesOf.TryGetValue(entry.Client, out var names))
        {
            _namesOf.Add(entry.Client, names = new(StringComparer.Ordinal));
        }

        names.Add(entry.Name);
    }

    private void RemoveUnsynchronized(PipeEntry entry)
    {
        PipeEntry[] left = [.. Of(entry.Name).Where(e => e != entry)];
        if (left.Length > 0)
        {
            _byName[entry.Name] = left;
            return;
        }

        _byName.Remove(entry.Name);
        foreach (var above in Above(entry))
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

        var names = _namesOf[entry.Client];
        names.Remove(entry.Name);
        if (names.Count == 0)
        {
            _namesOf.Remove(entry.Client);
        }
    }
}
