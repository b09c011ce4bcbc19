using System.Collections.Concurrent;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>
/// The visitors that are being served at pipes with gates: each is looked at again when something stands against a client, when a grant is withdrawn, and every second for what time ends; who would not be
/// let in any more is cut off (G8). Thread-safe.
/// </summary>
internal sealed class LiveVisits(VisitorGates gates, VisitGrants grants, TimeProvider time, ILogger<LiveVisits> logger, ClientEnds? ends = null) : IHostedService, IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<Live, byte> _live = new();
    private ITimer? _timer;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        grants.Changed += Look;
        if (ends is not null)
        {
            ends.Ended += LetGo;
        }

        _timer = time.CreateTimer(_ => Look(), null, Every, Every);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _timer?.Dispose();

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

    private void Look()
    {
        foreach (var live in _live.Keys)
        {
            if (!gates.MayStay(live.Pass, live.Entry))
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

        foreach (var live in _live.Keys.Where(l => l.Pass.Visitor.Identity?.Client == client))
        {
            Cut(live);
        }
    }

    private void Cut(Live live)
    {
        if (_live.TryRemove(live, out _))
        {
            Log.VisitorCut(logger, live.Entry.Name);
            live.Cut();
        }
    }

    private sealed class Live(LiveVisits all, VisitorPass pass, PipeEntry entry, Action cut) : IDisposable
    {
        private readonly Lock _lock = new();
        private bool _isOver;

        public VisitorPass Pass => pass;

        public PipeEntry Entry => entry;

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
