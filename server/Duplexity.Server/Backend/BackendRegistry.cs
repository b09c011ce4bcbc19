using System.Collections.Concurrent;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Backend;

/// <summary>
/// Register, locate, remove: who serves which public name. Whoever asks for a pipe asks here, never the engine (2.20); at a front, a node is asked. Where nodes share the registry, what was found is remembered for <see cref="Fresh"/>; who finds that it is not so any more
/// says <see cref="Forget"/>. That nobody has a name is never remembered: it may be registered in the next moment (2.32). Thread-safe.
/// </summary>
internal sealed class BackendRegistry(IRegistry registry, bool isShared, TimeProvider time)
{
    /// <summary>G7.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);

    /// <summary>How many names are remembered; then all are forgotten, and asked for again.</summary>
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<string, (PipeEntry Entry, long At)> _found = new(StringComparer.Ordinal);
    private long _forgettings;

    public async ValueTask<RegisterResult> RegisterAsync(IReadOnlyList<PipeEntry> entries, CancellationToken ct)
    {
        try
        {
            return await registry.RegisterAsync(entries, ct);
        }
        finally
        {
            Forget(entries.Select(e => e.Name));
        }
    }

    /// <summary>Who serves the visitors of a host or port, by its own name or by a wildcard over it.</summary>
    public ValueTask<PipeEntry?> LocateAsync(string name, CancellationToken ct)
    {
        if (!isShared)
        {
            return registry.LocateAsync(name, ct);
        }

        return _found.TryGetValue(name, out var found) && time.GetElapsedTime(found.At) < Fresh ? new(found.Entry) : FindAsync(name, ct);
    }

    /// <summary>The registration of just this name, as the engine has it now.</summary>
    public async ValueTask<PipeEntry?> ReadAsync(string name, CancellationToken ct)
    {
        var entry = await registry.ReadAsync(name, ct);
        if (NameTree.IsWildcard(name) ? _found.Values.Any(f => f.Entry.Name == name && f.Entry != entry) : _found.TryGetValue(name, out var found) && found.Entry != entry)
        {
            Forget([name]);
        }

        return entry;
    }

    /// <summary>What was found under these names is not so any more.</summary>
    public void Forget(IEnumerable<string> names)
    {
        Interlocked.Increment(ref _forgettings);
        foreach (var name in names)
        {
            _found.TryRemove(name, out _);
            if (NameTree.IsWildcard(name))
            {
                foreach (var (host, _) in _found.Where(f => f.Key.EndsWith(name.AsSpan(1), StringComparison.Ordinal)))
                {
                    _found.TryRemove(host, out _);
                }
            }
        }
    }

    public ValueTask<IReadOnlyList<PipeEntry>> ListAsync(string? client, CancellationToken ct) => registry.ListAsync(client, ct);

    /// <summary>The registration of a name and those at, above or below it, as its tree says; for what is rarely asked.</summary>
    public async ValueTask<IReadOnlyList<PipeEntry>> RelatedAsync(string name, string tree, CancellationToken ct)
    {
        var roots = tree.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return [.. (await ListAsync(null, ct)).Where(e => e.Name == name || (roots.Length > 0 && e.Tree.Length > 0 && (roots.Contains(NameTree.RootOf(e.Name)) || e.Tree.Split(' ').Contains(roots[0]))))];
    }

    /// <summary>Whether a registered wildcard is over a name: until it was registered, that one's visitors were served by the wildcard, and what other nodes have found is not so any more.</summary>
    public async ValueTask<bool> IsCoveredAsync(PipeEntry entry, CancellationToken ct)
    {
        foreach (var wildcard in entry.Tree.Length == 0 ? [] : NameTree.WildcardsOver(NameTree.RootOf(entry.Name)))
        {
            if (wildcard != entry.Name && await registry.ReadAsync(wildcard, ct) is not null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Removes what the session registered up to <paramref name="generation"/>; what is newer stays (G16).</summary>
    public async ValueTask<IReadOnlyList<PipeEntry>> RemoveAsync(string client, string session, long generation, IReadOnlyList<string>? names, CancellationToken ct)
    {
        var removed = await registry.RemoveAsync(client, session, generation, names, ct);
        Forget(removed.Select(e => e.Name));
        return removed;
    }

    private async ValueTask<PipeEntry?> FindAsync(string name, CancellationToken ct)
    {
        var (at, forgettings) = (time.GetTimestamp(), Volatile.Read(ref _forgettings));
        var entry = await registry.LocateAsync(name, ct);
        if (entry is null)
        {
            _found.TryRemove(name, out _);
            return null;
        }

        if (_found.Count >= Most)
        {
            _found.Clear();
        }

        _found[name] = (entry, at);
        if (Volatile.Read(ref _forgettings) != forgettings)
        {
            // Something changed while the engine was asked, perhaps this.
            _found.TryRemove(name, out _);
        }

        return entry;
    }
}
