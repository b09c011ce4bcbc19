using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels;

/// <summary>How visitors use each registered pipe at this node, kept for as long as its session, or the one that took it over, has the name. Thread-safe.</summary>
internal sealed class PipeTallies
{
    private readonly ConcurrentDictionary<(string Name, string Client, string Session), Tally> _tallies = new();

    private int _carriers;

    /// <summary>How many registrations are counted.</summary>
    public int Count => _tallies.Count;

    /// <summary>How many carriers are open, of all pipes.</summary>
    public int Carriers => Volatile.Read(ref _carriers);

    /// <summary>Raised when a pipe was used: an exchange has ended, a carrier has opened or closed. Handlers must not throw or wait.</summary>
    public event Action<PipeEntry>? Used;

    /// <summary>A session has the name from now on; where it had it already, or took it over from <paramref name="replaced"/>, the counts go on. Whether it is the session's first registration of it.</summary>
    public bool Begin(PipeEntry entry, IEnumerable<PipeEntry> replaced)
    {
        Tally? before = null;
        foreach (var old in replaced.Where(old => old.Session != entry.Session))
        {
            before = _tallies.TryRemove(KeyOf(old), out var tally) ? tally : before;
        }

        return _tallies.TryAdd(KeyOf(entry), before ?? new Tally());
    }

    /// <summary>The session has the name no longer.</summary>
    public void End(PipeEntry entry) => _tallies.TryRemove(KeyOf(entry), out _);

    /// <summary>What a registration's use is counted in. One that is gone is counted for nobody: what it began still ends.</summary>
    public Tally Of(PipeEntry entry) => _tallies.GetValueOrDefault(KeyOf(entry)) ?? new Tally();

    /// <summary>A visitor's exchange has ended.</summary>
    public void Exchanged(PipeEntry entry)
    {
        Of(entry).Exchanged();
        Used?.Invoke(entry);
    }

    /// <summary>A carrier has opened (1) or closed (-1).</summary>
    public void Carried(PipeEntry entry, Tally tally, int carriers)
    {
        tally.Carried(carriers);
        Interlocked.Add(ref _carriers, carriers);
        Used?.Invoke(entry);
    }

    private static (string Name, string Client, string Session) KeyOf(PipeEntry entry) => (entry.Name, entry.Client, entry.Session);

    /// <summary>The counts of one pipe.</summary>
    internal sealed class Tally
    {
        private long _exchanges;
        private int _carriers;

        public PipeUse Use => new() { Exchanges = Interlocked.Read(ref _exchanges), Carriers = Volatile.Read(ref _carriers) };

        public void Exchanged() => Interlocked.Increment(ref _exchanges);

        public void Carried(int carriers) => Interlocked.Add(ref _carriers, carriers);
    }
}
