using System.Collections.Concurrent;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Backend;

/// <summary>
/// Register, locate, remove: which sessions serve which public name. Whoever asks for a pipe asks here, never the engine (2.20); at a front, a node is asked. Where nodes share the registry, what was found is remembered for <see cref="Fresh"/>; who finds that it is not so any more
/// says <see cref="Forget"/>. That nobody has a name is never remembered: it may be registered in the next moment (2.32). Thread-safe.
/// </summary>
internal sealed class BackendRegistry(IRegistry registry, bool isShared, TimeProvider time)
{
    /// <summary>G7.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);

    /// <summary>How many names are remembered; then all are forgotten, and asked for again.</summary>
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<string, (IReadOnlyList<PipeEntry> Entries, long At)> _found = new(StringComparer.Ordinal);
    private long _forgettings;

    /// <summary>Raised with names under which something has changed. Handlers must not throw or wait.</summary>
    public event Action<IReadOnlyCollection<string>>? Forgotten;

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

    /// <summary>All who serve the visitors of a host or port, by its own name or by a wildcard over it: of one owner, the newest last.</summary>
    public ValueTask<IReadOnlyList<PipeEntry>> LocateAllAsync(string name, CancellationToken ct) =>
        isShared && _found.TryGetValue(name, out var found) && time.GetElapsedTime(found.At) < Fresh ? new(found.Entries) : FindAllAsync(name, ct);

    /// <summary>The newest of them; null: there is none. For those who ask whose a name is, and what it is.</summary>
    public async ValueTask<PipeEntry?> LocateAsync(string name, CancellationToken ct) => await LocateAllAsync(name, ct) is [.., var newest] ? newest : null;

    /// <summary>As <see cref="LocateAllAsync"/>, as the engine has it now.</summary>
    public async ValueTask<IReadOnlyList<PipeEntry>> FindAllAsync(string name, CancellationToken ct)
    {
        var (at, forgettings) = (time.GetTimestamp(), Volatile.Read(ref _forgettings));
        var entries = await registry.LocateAllAsync(name, ct);
        if (!isShared)
        {
            return entries;
        }

        if (entries.Count == 0)
        {
            _found.TryRemove(name, out _);
            return entries;
        }

        if (_found.Count >= Most)
        {
            _found.Clear();
        }

        _found[name] = (entries, at);
        if (Volatile.Read(ref _forgettings) != forgettings)
        {
            // Something changed while the engine was asked, perhaps this.
            _found.TryRemove(name, out _);
        }

        return entries;
    }

    /// <summary>The registrations of just this name, as the engine has them now, the newest last.</summary>
    public async ValueTask<IReadOnlyList<PipeEntry>> ReadAllAsync(string name, CancellationToken ct)
    {
        var entries = await registry.ReadAllAsync(name, ct);
        if (NameTree.IsWildcard(name) ? _found.Values.Any(f => f.Entries[0].Name == name && !f.Entries.SequenceEqual(entries)) : _found.TryGetValue(name, out var found) && !found.Entries.SequenceEqual(entries))
        {
            Forget([name]);
        }

        return entries;
    }

    /// <summary>The newest of those; null: there is none.</summary>
    public async ValueTask<PipeEntry?> ReadAsync(string name, CancellationToken ct) => await ReadAllAsync(name, ct) is [.., var newest] ? newest : null;

    /// <summary>What was found under these names is not so any more.</summary>
    public void Forget(IEnumerable<string> names)
    {
        Interlocked.Increment(ref _forgettings);
        string[] changed = [.. names];
        foreach (var name in changed)
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

        Forgotten?.Invoke(changed);
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
}
