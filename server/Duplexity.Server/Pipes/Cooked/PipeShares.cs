using System.Collections.Concurrent;
using System.Collections.Immutable;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>
/// Divides what may still be made of a message among the pipes that read it: so the bound holds for all that descends from it without anybody counting, and after a crash too. A pipe that was removed keeps its part of
/// what it may have carried, or those that are slower would have more than was left. Thread-safe.
/// </summary>
internal sealed class PipeShares
{
    /// <summary>Removed pipes of one source that others may lie behind; of more the oldest are forgotten.</summary>
    private const int MostRemoved = 1_000;

    private readonly ConcurrentDictionary<Address, ImmutableArray<Removed>> _removed = new();

    /// <summary>A pipe's part of a message: appends by it and by all behind it.</summary>
    /// <param name="runner">The pipe.</param>
    /// <param name="entry">The message in its source.</param>
    /// <param name="there">All pipes that read there.</param>
    /// <param name="budget">What all of them may make of it together.</param>
    public int Of(PipeRunner runner, LogEntry entry, ImmutableArray<PipeRunner> there, int budget)
    {
        var offset = entry.Position.Offset;
        var edges = there.Where(r => r.Record.Versions[0].Since.Offset < offset).Select(r => r.Record.Edge)
            .Concat(_removed.GetValueOrDefault(runner.From, []).Where(r => r.Since < offset && offset <= r.Until).Select(r => r.Edge)).Distinct().Order(StringComparer.Ordinal).ToList();
        var nth = there.Contains(runner) ? edges.IndexOf(runner.Record.Edge) : -1;
        return nth < 0 ? 0 : (budget / edges.Count) + (nth < budget % edges.Count ? 1 : 0);
    }

    /// <summary>A pipe is no more: it may have carried what lies up to <paramref name="top"/>.</summary>
    public void Remove(PipeRunner runner, Position top)
    {
        var removed = new Removed(runner.Record.Edge, runner.Record.Versions[0].Since.Offset, Math.Min(top.Offset, runner.Place.Offset + 1));
        if (removed.Since < removed.Until)
        {
            _removed.AddOrUpdate(runner.From, [removed], (_, all) => [.. all.TakeLast(MostRemoved - 1), removed]);
        }
    }

    /// <summary>Forgets those that nobody lies behind any more.</summary>
    public void Sweep(Func<Address, ImmutableArray<PipeRunner>> readers)
    {
        foreach (var (source, all) in _removed)
        {
            var there = readers(source);
            ImmutableArray<Removed> left = [.. all.Where(r => there.Any(t => t.Place.Offset < r.Until))];
            if (left.IsEmpty)
            {
                _removed.TryRemove(new(source, all));
            }
            else if (left.Length < all.Length)
            {
                _removed.TryUpdate(source, left, all);
            }
        }
    }

    private readonly record struct Removed(string Edge, long Since, long Until);
}
