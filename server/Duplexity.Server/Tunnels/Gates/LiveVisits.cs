using System.Collections.Concurrent;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>
/// The visitors that are being served: each is looked at again when something stands against a client, when a grant is withdrawn, every second for what time ends, and when its registration is changed (G7); who would not be
/// let in any more is cut off (G8). A front has neither clients nor grants. Thread-safe.
/// </summary>
internal sealed class LiveVisits(CarrierPools pools, TimeProvider time, ILogger<LiveVisits> logger, VisitGrants? grants = null, ClientEnds? ends = null) : IHostedService, IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<Live, byte> _live = new();
    private ITimer? _timer;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        pools.Changed += Change;
        if (grants is not null)
        {
            grants.Changed += Look;
        }

        if (ends is not null)
        {
            ends.Ended += LetGo;
        }

        _timer = time.CreateTimer(_ => Look(), null, Every, Every);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _timer?.Dispose();

    /// <summary>Somebody who was let in is being served until the result is disposed.</summary>
    public IDisposable Begin(LiveVisit visit)
    {
        var live = new Live(this, visit);
        _live[live] = 0;
        if (!visit.MayStay)
        {
            Cut(live); // something stood against it between the gate and here
        }

        return live;
    }

    /// <summary>A registration was changed in place, or made anew by its session: whom it does not let in any more is cut. What is older than what a visit goes by is old knowledge.</summary>
    private void Change(PipeEntry now)
    {
        foreach (var (live, _) in _live)
        {
            if (IsAt(live.Visit.Entry, now) && !live.Visit.TryFollow(now))
            {
                Cut(live);
            }
        }
    }

    private static bool IsAt(PipeEntry entry, PipeEntry now) => entry.Name == now.Name && entry.Client == now.Client && entry.Session == now.Session && !now.IsBefore(entry);

    private void Look()
    {
        foreach (var (live, _) in _live)
        {
            if (!live.Visit.MayStay)
            {
                Cut(live);
            }
        }
    }

    private void LetGo(string? client)
    {
        if (client is null)
        {
            Look();
            return;
        }

        foreach (var (live, _) in _live.Where(l => l.Key.Visit.Client == client))
        {
            Cut(live);
        }
    }

    private void Cut(Live live)
    {
        if (_live.TryRemove(live, out _))
        {
            Log.VisitorCut(logger, live.Visit.Entry.Name);
            live.Cut();
        }
    }

    private sealed class Live(LiveVisits all, LiveVisit visit) : IDisposable
    {
        private readonly Lock _lock = new();
        private bool _isOver;

        public LiveVisit Visit => visit;

        public void Cut()
        {
            lock (_lock)
            {
                if (!_isOver)
                {
                    visit.Cut();
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
