using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>The pools of all pipes whose visitors are at this node. Thread-safe.</summary>
internal sealed class CarrierPools : IDisposable
{
    // Most servers keep an idle connection for 60 s (nginx 75, Kestrel 130, Apache and Node 5): what they close first is noticed, so this only bounds what is kept open.
    private static readonly TimeSpan MaxIdle = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, CarrierPool[]> _pools = new(StringComparer.Ordinal); // by name, those of routes among them
    private readonly Node _node;
    private readonly CarryDesk _desk;
    private readonly PipeTallies _tallies;
    private readonly DuplexityOptions _options;
    private readonly TimeProvider _time;
    private readonly ITimer _sweep;

    public CarrierPools(Node node, CarryDesk desk, PipeTallies tallies, IOptions<DuplexityOptions> options, TimeProvider time)
    {
        (_node, _desk, _tallies, _options, _time) = (node, desk, tallies, options.Value, time);
        _sweep = time.CreateTimer(_ => Sweep(), null, SweepEvery, SweepEvery);
    }

    /// <summary>
    /// The pool of a registration, or of one of its routes; null if a newer one has taken its place, or it was changed since. What it was changed to is taken over. Registrations that stand beside each other have a pool each.
    /// </summary>
    public CarrierPool? Of(PipeEntry entry, PipeRoute? route = null)
    {
        while (true)
        {
            var found = _pools.GetValueOrDefault(entry.Name);
            var there = found ?? [];
            if (route is not null && Array.Exists(there, p => p.Path is null && p.Entry.IsOf(entry) && entry.IsBefore(p.Entry)))
            {
                return null; // also where it has no such route any more
            }

            if (Array.Find(there, p => p.IsFor(entry, route) && !p.IsOver) is { } pool)
            {
                var isTaken = pool.TryTake(entry, out var isNews);
                if (isNews)
                {
                    // Whoever was not told of a change finds it out by a visitor: those who are served are looked at by it, too.
                    Changed?.Invoke(entry);
                }

                return isTaken ? pool : null;
            }

            var older = Array.FindAll(there, p => p.Path == route?.Path && (p.IsOver || !p.Entry.StandsBeside(entry)));
            if (Array.Exists(older, p => entry.IsBefore(p.Entry) && !p.IsOver))
            {
                return null;
            }

            pool = New(entry, route);
            CarrierPool[] now = [.. there.Except(older), pool];
            if (found is null ? _pools.TryAdd(entry.Name, now) : _pools.TryUpdate(entry.Name, now, found))
            {
                foreach (var old in older)
                {
                    Finish(old, cut: old.Entry.Session != entry.Session); // the same session's older generation may finish what it began (G21)
                }

                return pool;
            }
        }
    }

    /// <summary>Raised when this node hears that a registration is over, whether it had a pool or not. Handlers must not throw or wait.</summary>
    public event Action<PipeEntry>? Ended;

    /// <summary>Raised when this node hears, or finds, that a registration was changed in place, with what it is now; more than once for one change. Handlers must not throw or wait.</summary>
    public event Action<PipeEntry>? Changed;

    /// <summary>The pools of pipes whose clients are at other nodes.</summary>
    public IReadOnlyList<CarrierPool> Elsewhere => [.. All.Where(p => p.Entry.Node != _node.Name && !p.IsOver)];

    /// <summary>Those that can be asked whether they are well, of names that visitors had in that time, and that others stand beside.</summary>
    public IReadOnlyList<CarrierPool> CheckedWhereVisitedWithin(TimeSpan span) =>
        [.. _pools.Values.Select(pools => Array.FindAll(pools, p => p.Path is null)).Where(beside => beside.Length > 1 && Array.Exists(beside, p => p.WasVisitedWithin(span))).SelectMany(beside => beside).Where(p => p.HasCheck && !p.IsOver)];

    /// <summary>A registration is over: nobody gets its carriers any more. Those in use are cut, at once or after a grace in which visitors finish (2.35).</summary>
    public void End(PipeEntry entry, bool cut)
    {
        _desk.Withdraw(entry, isOver: true);
        Ended?.Invoke(entry);
        foreach (var pool in Remove(entry.Name, p => p.Entry.IsOf(entry) && !entry.IsBefore(p.Entry)))
        {
            Finish(pool, cut);
        }
    }

    /// <summary>
    /// A registration was changed in place: its pools go on with the new settings; what they carry to a resource that it has no more ends after a grace. Who waits for a carrier of what it was asks again, by what it is.
    /// </summary>
    public void Change(PipeEntry now)
    {
        var own = Array.FindAll(_pools.GetValueOrDefault(now.Name) ?? [], p => p.Entry.IsOf(now));
        if (Array.Exists(own, p => now.IsBefore(p.Entry)))
        {
            return; // late: it has been changed again since
        }

        foreach (var pool in own)
        {
            var route = Array.Find(now.Settings.Routes ?? [], r => r.Path == pool.Path);
            if (pool.Path is null || route is not null)
            {
                Of(now, route);
            }
            else if (Remove(now.Name, p => p == pool).Length > 0)
            {
                Finish(pool, cut: false);
            }
        }

        if (now.Node == _node.Name)
        {
            // Here carriers are ordered without asking anybody: whoever still has what it was finds by this that it is over.
            Of(now);
        }

        _desk.Withdraw(now);
        Changed?.Invoke(now);
    }

    /// <summary>Another node is being emptied: what came by it ends with what it carries.</summary>
    public void Leave(string via)
    {
        foreach (var pool in All)
        {
            pool.Leave(via);
        }
    }

    /// <summary>The node stops: in order, or by cutting what is left.</summary>
    public void EndAll(bool cut)
    {
        foreach (var pool in All)
        {
            pool.End(cut);
        }
    }

    public void Dispose() => _sweep.Dispose();

    private CarrierPool New(PipeEntry entry, PipeRoute? route) => new(entry, route, entry.Node != _node.Name, _desk, _tallies, _options, _time);

    private void Finish(CarrierPool pool, bool cut)
    {
        pool.End(cut);
        if (!cut)
        {
            _ = CutLaterAsync(pool);
        }
    }

    private async Task CutLaterAsync(CarrierPool pool)
    {
        await Task.Delay(_options.Times.SessionGrace, _time);
        pool.End(cut: true);
    }

    private IEnumerable<CarrierPool> All => _pools.Values.SelectMany(pools => pools);

    private CarrierPool[] Remove(string name, Func<CarrierPool, bool> which)
    {
        while (_pools.TryGetValue(name, out var there))
        {
            CarrierPool[] left = [.. there.Where(p => !which(p))];
            if (left.Length == there.Length)
            {
                break;
            }

            if (left.Length == 0 ? _pools.TryRemove(new(name, there)) : _pools.TryUpdate(name, left, there))
            {
                return [.. there.Except(left)];
            }
        }

        return [];
    }

    private void Sweep()
    {
        foreach (var (name, pools) in _pools)
        {
            foreach (var pool in pools)
            {
                pool.Sweep(MaxIdle);
            }

            Remove(name, p => p.IsOver);
        }
    }
}
