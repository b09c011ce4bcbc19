using System.Collections.Concurrent;
using System.Collections.Immutable;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>
/// Divides what may still be made of a message among the pipes that read it: so the bound holds for all that descends from it without anybody counting, after a crash and on every node. A pipe that was removed keeps its part of
/// what it may have carried, or those that are slower would have more than was left. Thread-safe.
/// </summary>
internal sealed class PipeShares
{
    /// <summary>Removed pipes of one source that others may lie behind; of more the oldest are forgotten.</summary>
    private const int MostRemoved = 1_000;

    private readonly ConcurrentDictionary<Address, ImmutableArray<Removed>> _removed = new();

    /// <summary>The sources of removed pipes that still have a part.</summary>
    public IEnumerable<Address> Sources => _removed.Keys;

    /// <summary>A pipe's part of a message: appends by it and by all behind it.</summary>
    /// <param name="edge">The pipe's.</param>
    /// <param name="entry">The message in its source.</param>
    /// <param name="there">All pipes that read there.</param>
    /// <param name="budget">What all of them may make of it together.</param>
    public int Of(string edge, LogEntry entry, ImmutableArray<PipeRecord> there, int budget)
    {
        var offset = entry.Position.Offset;
        var edges = there.Where(r => r.Versions[0].Since.Offset < offset).Select(r => r.Edge)
            .Concat(_removed.GetValueOrDefault(entry.Channel, []).Where(r => r.Since < offset && offset <= r.Until).Select(r => r.Edge)).Distinct().Order(StringComparer.Ordinal).ToList();
        var nth = there.Any(r => r.Edge == edge) ? edges.IndexOf(edge) : -1;
        return nth < 0 ? 0 : (budget / edges.Count) + (nth < budget % edges.Count ? 1 : 0);
    }

    /// <summary>A pipe is no more: it may have carried what lies up to <paramref name="top"/>.</summary>
    public void Remove(PipeRecord pipe, Position top)
    {
        var removed = new Removed(pipe.Edge, pipe.Versions[0].Since.Offset, top.Offset);
        if (removed.Since < removed.Until)
        {
            _removed.AddOrUpdate(pipe.Source, [removed], (_, all) => [.. all.TakeLast(MostRemoved - 1), removed]);
        }
    }

    /// <summary>Forgets those of a source that nobody lies behind any more.</summary>
    /// <param name="source">The source.</param>
    /// <param name="places">Where those are that read it.</param>
    public void Sweep(Address source, IReadOnlyList<Position> places)
    {
        if (!_removed.TryGetValue(source, out var all))
        {
            return;
        }

        ImmutableArray<Removed> left = [.. all.Where(r => places.Any(p => p.Offset < r.Until))];
        if (left.IsEmpty)
        {
            _removed.TryRemove(new(source, all));
        }
        else if (left.Length < all.Length)
        {
            _removed.TryUpdate(source, left, all);
        }
    }

    private readonly record struct Removed(string Edge, long Since, long Until);
}
