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

    private readonly ConcurrentDictionary<(string Name, string? Path), CarrierPool[]> _pools = new();
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

    /// <summary>The pool of a registration, or of one of its routes; null if a newer one has taken its place. Registrations that stand beside each other have a pool each.</summary>
    public CarrierPool? Of(PipeEntry entry, PipeRoute? route = null)
    {
        var key = (entry.Name, route?.Path);
        while (true)
        {
            var there = _pools.GetValueOrDefault(key);
            if (Array.Find(there ?? [], p => p.Serves(entry) && !p.IsOver) is { } pool)
            {
                return pool;
            }

            CarrierPool[] older = [.. (there ?? []).Where(p => p.IsOver || !p.Entry.StandsBeside(entry))];
            if (Array.Exists(older, p => p.Entry.Generation > entry.Generation && !p.IsOver))
            {
                return null;
            }

            pool = New(entry, route);
            CarrierPool[] now = [.. (there ?? []).Except(older), pool];
            if (there is null ? _pools.TryAdd(key, now) : _pools.TryUpdate(key, now, there))
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

    /// <summary>The pools of pipes whose clients are at other nodes.</summary>
    public IReadOnlyList<CarrierPool> Elsewhere => [.. All.Where(p => p.Entry.Node != _node.Name && !p.IsOver)];

    /// <summary>A registration is over: nobody gets its carriers any more. Those in use are cut, at once or after a grace in which visitors finish (2.35).</summary>
    public void End(PipeEntry entry, bool cut)
    {
        _desk.Withdraw(entry);
        Ended?.Invoke(entry);
        foreach (var path in (entry.Settings.Routes ?? []).Select(r => r.Path).Prepend(null))
        {
            foreach (var pool in Remove((entry.Name, path), p => p.Entry.IsSameAs(entry)))
            {
                Finish(pool, cut);
            }
        }
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

    private CarrierPool[] Remove((string Name, string? Path) key, Func<CarrierPool, bool> which)
    {
        while (_pools.TryGetValue(key, out var there))
        {
            CarrierPool[] left = [.. there.Where(p => !which(p))];
            if (left.Length == there.Length)
            {
                break;
            }

            if (left.Length == 0 ? _pools.TryRemove(new(key, there)) : _pools.TryUpdate(key, left, there))
            {
                return [.. there.Except(left)];
            }
        }

        return [];
    }

    private void Sweep()
    {
        foreach (var (key, pools) in _pools)
        {
            foreach (var pool in pools)
            {
                pool.Sweep(MaxIdle);
            }

            Remove(key, p => p.IsOver);
        }
    }
}
