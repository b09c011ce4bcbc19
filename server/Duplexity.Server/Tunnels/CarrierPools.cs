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

    private readonly ConcurrentDictionary<string, CarrierPool> _pools = new(StringComparer.Ordinal);
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

    /// <summary>The pool of a registration, or of one of its routes; null if a newer one has taken its place.</summary>
    public CarrierPool? Of(PipeEntry entry, PipeRoute? route = null)
    {
        var key = KeyOf(entry, route);
        while (true)
        {
            var pool = _pools.GetOrAdd(key, _ => New(entry, route));
            if (pool.IsOver)
            {
                _pools.TryRemove(new(key, pool));
                continue;
            }

            if (pool.Entry.IsSameAs(entry))
            {
                return pool;
            }

            if (pool.Entry.Generation > entry.Generation)
            {
                return null;
            }

            if (_pools.TryUpdate(key, New(entry, route), pool))
            {
                Finish(pool, cut: pool.Entry.Session != entry.Session); // the same session's older generation may finish what it began (G21)
            }
        }
    }

    /// <summary>The pools of pipes whose clients are at other nodes.</summary>
    public IReadOnlyList<CarrierPool> Elsewhere => [.. _pools.Values.Where(p => p.Entry.Node != _node.Name && !p.IsOver)];

    /// <summary>A registration is over: nobody gets its carriers any more. Those in use are cut, at once or after a grace in which visitors finish (2.35).</summary>
    public void End(PipeEntry entry, bool cut)
    {
        _desk.Withdraw(entry);
        foreach (var key in entry.Settings.Routes is { } routes ? routes.Select(r => KeyOf(entry, r)).Prepend(entry.Name) : [entry.Name])
        {
            if (_pools.TryGetValue(key, out var pool) && pool.Entry.IsSameAs(entry) && _pools.TryRemove(new(key, pool)))
            {
                Finish(pool, cut);
            }
        }
    }

    /// <summary>Another node is being emptied: what came by it ends with what it carries.</summary>
    public void Leave(string via)
    {
        foreach (var pool in _pools.Values)
        {
            pool.Leave(via);
        }
    }

    /// <summary>The node stops: in order, or by cutting what is left.</summary>
    public void EndAll(bool cut)
    {
        foreach (var pool in _pools.Values)
        {
            pool.End(cut);
        }
    }

    public void Dispose() => _sweep.Dispose();

    // A hostname has no slash, and a route's path begins with one.
    private static string KeyOf(PipeEntry entry, PipeRoute? route) => entry.Name + route?.Path;

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

    private void Sweep()
    {
        foreach (var (name, pool) in _pools)
        {
            pool.Sweep(MaxIdle);
            if (pool.IsOver)
            {
                _pools.TryRemove(new(name, pool));
            }
        }
    }
}
