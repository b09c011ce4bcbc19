using System.Collections.Concurrent;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Backend;

/// <summary>
/// Register, locate, remove: which sessions serve which public name. Whoever asks for a pipe asks here, never the engine (2.20). Where nodes share the engine, what was found is remembered for <see cref="Fresh"/>; who finds that it is not so any more
/// says <see cref="Forget"/>. That nobody has a name is never remembered: it may be registered in the next moment (2.32). Thread-safe.
/// </summary>
internal sealed class BackendRegistry(IEngine engine, TimeProvider time)
{
    /// <summary>G7.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);

    /// <summary>How many names are remembered; then all are forgotten, and asked for again.</summary>
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<string, (IReadOnlyList<PipeEntry> Entries, long At)> _found = new(StringComparer.Ordinal);
    private long _forgettings;

    public async ValueTask<RegisterResult> RegisterAsync(IReadOnlyList<PipeEntry> entries, CancellationToken ct)
    {
        try
        {
            return await engine.Registry.RegisterAsync(entries, ct);
        }
        finally
        {
            Forget(entries.Select(e => e.Name));
        }
    }

    /// <summary>All who serve a name, of one owner, the newest last.</summary>
    public ValueTask<IReadOnlyList<PipeEntry>> LocateAllAsync(string name, CancellationToken ct)
    {
        if (engine.Lease is null)
        {
            return engine.Registry.LocateAllAsync(name, ct);
        }

        return _found.TryGetValue(name, out var found) && time.GetElapsedTime(found.At) < Fresh ? new(found.Entries) : ReadAllAsync(name, ct);
    }

    /// <summary>The newest of them; null: there is none. For those who ask whose a name is, and what it is.</summary>
    public async ValueTask<PipeEntry?> LocateAsync(string name, CancellationToken ct) => await LocateAllAsync(name, ct) is [.., var newest] ? newest : null;

    /// <summary>The newest, as the engine has it now.</summary>
    public async ValueTask<PipeEntry?> ReadAsync(string name, CancellationToken ct) => await ReadAllAsync(name, ct) is [.., var newest] ? newest : null;

    /// <summary>All, as the engine has them now.</summary>
    public async ValueTask<IReadOnlyList<PipeEntry>> ReadAllAsync(string name, CancellationToken ct)
    {
        var (at, forgettings) = (time.GetTimestamp(), Volatile.Read(ref _forgettings));
        var entries = await engine.Registry.LocateAllAsync(name, ct);
        if (engine.Lease is null)
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

    /// <summary>What was found under these names is not so any more.</summary>
    public void Forget(IEnumerable<string> names)
    {
        Interlocked.Increment(ref _forgettings);
        foreach (var name in names)
        {
            _found.TryRemove(name, out _);
        }
    }

    public ValueTask<IReadOnlyList<PipeEntry>> ListAsync(string? client, CancellationToken ct) => engine.Registry.ListAsync(client, ct);

    /// <summary>Removes what the session registered up to <paramref name="generation"/>; what is newer stays (G16).</summary>
    public async ValueTask<IReadOnlyList<PipeEntry>> RemoveAsync(string client, string session, long generation, IReadOnlyList<string>? names, CancellationToken ct)
    {
        var removed = await engine.Registry.RemoveAsync(client, session, generation, names, ct);
        Forget(removed.Select(e => e.Name));
        return removed;
    }
}
