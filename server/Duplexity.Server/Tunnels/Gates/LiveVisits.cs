using System.Collections.Concurrent;
using Duplexity.Server.Backend;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>
/// The visitors that are being served at pipes with gates: each is looked at again when something stands against a client, when a grant is withdrawn, when its pipe has other rules, and every second for what time ends; who would not be
/// let in any more is cut off (G8). Thread-safe.
/// </summary>
internal sealed class LiveVisits(VisitorGates gates, VisitGrants grants, BackendRegistry backend, TimeProvider time, ILogger<LiveVisits> logger, ClientEnds? ends = null) : IHostedService, IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    /// <summary>For how long a pipe's visitors are looked at after a change: one may have been at the gates by the rules of before.</summary>
    private static readonly TimeSpan Settles = TimeSpan.FromSeconds(10);

    /// <summary>Names that are remembered as changed though nobody is served there just now.</summary>
    private const int MostChanged = 10_000;

    private readonly ConcurrentDictionary<Live, byte> _live = new();
    private readonly ConcurrentDictionary<string, long> _changed = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private ITimer? _timer;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        grants.Changed += Look;
        backend.Forgotten += Change;
        if (ends is not null)
        {
            ends.Ended += LetGo;
        }

        _timer = time.CreateTimer(_ => Tick(), null, Every, Every);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => _stop.CancelAsync();

    public void Dispose()
    {
        _timer?.Dispose();
        _stop.Dispose();
    }

    /// <summary>Somebody who passed is being served until the result is disposed; <paramref name="cut"/> ends that at once.</summary>
    public IDisposable? Begin(VisitorPass pass, PipeEntry entry, Action cut)
    {
        if (pass.Gate is null)
        {
            return null;
        }

        var live = new Live(this, pass, entry, cut);
        _live[live] = 0;
        if (!gates.MayStay(pass, entry))
        {
            Cut(live); // something stood against it between the gate and here
        }

        return live;
    }

    private void Tick()
    {
        Look();
        foreach (var old in _changed.Where(c => time.GetElapsedTime(c.Value) > Settles))
        {
            _changed.TryRemove(old);
        }

        LookAgain(_changed.Keys);
    }

    private void Look()
    {
        foreach (var live in _live.Keys)
        {
            if (live.At is var (pass, entry) && !gates.MayStay(pass, entry))
            {
                Cut(live);
            }
        }
    }

    private void Change(IReadOnlyCollection<string> names)
    {
        foreach (var name in names.Take(MostChanged - _changed.Count))
        {
            _changed[name] = time.GetTimestamp();
        }

        LookAgain(names);
    }

    private void LookAgain(IEnumerable<string> names)
    {
        if (_live.IsEmpty)
        {
            return;
        }

        var served = _live.Keys.Select(l => l.At.Entry.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var name in names.Where(served.Contains))
        {
            _ = LookAgainAsync(name);
        }
    }

    /// <summary>Looks at a pipe's visitors by its rules of now. What was registered anew by another session is another pipe, whose visitors these are not: that one's end cuts them.</summary>
    private async Task LookAgainAsync(string name)
    {
        try
        {
            var now = await backend.ReadAllAsync(name, _stop.Token);
            foreach (var live in _live.Keys.Where(l => l.At.Entry.Name == name))
            {
                var (pass, entry) = live.At;
                if (now.FirstOrDefault(e => e.Client == entry.Client && e.Session == entry.Session) is not { } changed || changed.Settings.Visitors == entry.Settings.Visitors)
                {
                    continue;
                }

                if (await gates.StayAsync(pass, changed, _stop.Token) is { } stays)
                {
                    live.At = (stays, changed);
                }
                else
                {
                    Cut(live);
                }
            }
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
            // The node stops.
        }
        catch (Exception e)
        {
            // The engine is away: again in a moment.
            Log.VisitorsNotLookedAt(logger, name, e);
            _changed[name] = time.GetTimestamp();
        }
    }

    private void LetGo(string? client)
    {
        if (client is null)
        {
            Look();
            return;
        }

        foreach (var live in _live.Keys.Where(l => l.At.Pass.Visitor.Identity?.Client == client))
        {
            Cut(live);
        }
    }

    private void Cut(Live live)
    {
        if (_live.TryRemove(live, out _))
        {
            Log.VisitorCut(logger, live.At.Entry.Name);
            live.Cut();
        }
    }

    private sealed class Live(LiveVisits all, VisitorPass pass, PipeEntry entry, Action cut) : IDisposable
    {
        private readonly Lock _lock = new();
        private (VisitorPass Pass, PipeEntry Entry) _at = (pass, entry);
        private bool _isOver;

        /// <summary>By which gate it may stay, and of which registration.</summary>
        public (VisitorPass Pass, PipeEntry Entry) At
        {
            get
            {
                lock (_lock)
                {
                    return _at;
                }
            }

            set
            {
                lock (_lock)
                {
                    _at = value;
                }
            }
        }

        public void Cut()
        {
            lock (_lock)
            {
                if (!_isOver)
                {
                    cut();
                }
            }
        }

        public void Dispose()
        {
            // Behind this nothing is cut any more: the connection may be at its next request.
            lock (_lock)
            {
                _isOver = true;
            }

            all._live.TryRemove(this, out _);
        }
    }
}
