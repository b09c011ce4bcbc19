using System.Reflection;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Cluster;

/// <summary>
/// Which nodes there are, and how much each has to do: every node writes itself down every moment, and looks who the others are (<see cref="INodeLedger"/>). Nodes on the embedded engine are alone, fronts apart. Thread-safe.
/// </summary>
internal sealed class NodeBook(
    Node node, INodeLedger ledger, IEnumerable<INodeLoad> load, IOptions<DuplexityOptions> options, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<NodeBook> logger)
    : IHostedService, IAsyncDisposable
{
    /// <summary>Names that nobody has make the node look for them no oftener than this.</summary>
    private static readonly TimeSpan MinPause = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private volatile IReadOnlyList<NodeInfo> _others = [];
    private volatile IReadOnlyList<NodeInfo> _fronts = [];
    private volatile NodeInfo _self = new()
    {
        Name = node.Name,
        Life = node.Life,
        Version = typeof(NodeBook).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "",
        Since = time.GetUtcNow(),
        Url = options.Value.Node.Url,
        IsFront = options.Value.IsFront,
    };

    private Task _running = Task.CompletedTask;
    private long _read;
    private int _isDisposed;

    /// <summary>This node.</summary>
    public NodeInfo Self => _self with { Load = load.ToDictionary(l => l.Name, l => l.Count) };

    /// <summary>The other nodes that serve.</summary>
    public IReadOnlyList<NodeInfo> Others => [.. _others.Where(n => n.IsReady)];

    /// <summary>The fronts that serve visitors, as a node knows them.</summary>
    public IReadOnlyList<NodeInfo> Fronts => [.. _fronts.Where(n => n.IsReady)];

    /// <summary>The other nodes that take clients.</summary>
    public IReadOnlyList<NodeInfo> Successors => [.. _others.Where(n => n.IsReady && !n.IsDraining)];

    /// <summary>Whether clients who come here are sent away: this node is being emptied, and another one takes them.</summary>
    public bool SendsAway => _self.IsDraining && _others.Any(n => n.IsReady && !n.IsDraining);

    /// <summary>Whether other nodes may share the engine.</summary>
    public bool IsShared => ledger.IsShared;

    /// <summary>For how long this node may act without having reached the others; null: for ever.</summary>
    public ActingLease? Lease => ledger.Lease;

    /// <summary>The other node of this name that serves; null: there is none.</summary>
    public NodeInfo? Find(string name) => _others.FirstOrDefault(n => n.Name == name && n.IsReady);

    /// <summary>The same; looked for once more where it is not known yet.</summary>
    public async ValueTask<NodeInfo?> FindAsync(string name, CancellationToken ct)
    {
        if (Find(name) is { } known)
        {
            return known;
        }

        await LookAgainAsync(ct);
        return Find(name);
    }

    /// <summary>The node or front where a visitor is.</summary>
    public async ValueTask<NodeInfo?> FindVisitorsAsync(string name, CancellationToken ct) => await FindAsync(name, ct) ?? Fronts.FirstOrDefault(f => f.Name == name);

    /// <summary>
    /// The node for a data connection of a client whose control connection is here: this one, for what a session has is at one node as a rule; another where this one is being emptied, or has more than twice the connections that the
    /// emptiest has, and a hundred beside.
    /// </summary>
    public NodeInfo ForData()
    {
        var self = Self;
        var emptiest = Others.Where(n => !n.IsDraining && n.InternalUrl is not null).MinBy(Connections);
        return emptiest is not null && (self.IsDraining || Connections(self) > (2 * Connections(emptiest)) + 100) ? emptiest : self;

        static int Connections(NodeInfo node) => node.Load.Values.Sum();
    }

    /// <summary>The node, or the front, that a request says it is from; looked for once more where it is not known yet.</summary>
    public async ValueTask<NodeInfo?> FindLifeAsync(string life, bool isFront, CancellationToken ct)
    {
        if (Known() is { } known)
        {
            return known;
        }

        await LookAgainAsync(ct);
        return Known();

        NodeInfo? Known() => (isFront ? _fronts : _others).FirstOrDefault(n => NodeSignature.IdOf(n.Name, n.Life) == life);
    }

    /// <summary>A front says that it is there: it is written down, and known here at once. Why it is not one of the fronts; null: it is.</summary>
    public async Task<string?> WelcomeAsync(NodeInfo front, CancellationToken ct)
    {
        if (front.Name == node.Name || _others.Any(n => n.Name == front.Name))
        {
            return $"A node {front.Name} is there: give each node and each front a Duplexity:Node:Name of its own, or none.";
        }

        if (_fronts.FirstOrDefault(f => f.Name == front.Name && f.Life != front.Life && f.Since > front.Since) is { } later)
        {
            return $"A front {front.Name} has been running since {later.Since:u}, later than this one: give each a Duplexity:Node:Name of its own, or none.";
        }

        await ledger.WriteAsync(front, ct);
        _fronts = [.. _fronts.Where(f => f.Name != front.Name), front];
        return null;
    }

    /// <summary>Where the other nodes reach this one.</summary>
    public void ListensAt(Uri at) => _self = _self with { InternalUrl = at };

    /// <summary>Nobody new is to be sent here; the others see it when they look the next time.</summary>
    public async Task DrainAsync(CancellationToken ct)
    {
        _self = _self with { IsDraining = true };
        try
        {
            await WriteAsync(ct);
        }
        catch (DuplexityException e)
        {
            // The engine is away: it is written with the next round.
            Log.NodesNotRead(logger, e);
        }
    }

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!ledger.IsKept)
        {
            _self = _self with { IsReady = true };
            return;
        }

        await ledger.JoinAsync(Self, cancellationToken);
        await ReadAsync(cancellationToken);
        lifetime.ApplicationStarted.Register(() =>
        {
            _self = _self with { IsReady = true };
            _running = RunAsync();
        });
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _running;
        if (ledger.IsKept)
        {
            try
            {
                await ledger.LeaveAsync(_self, cancellationToken);
            }
            catch (Exception e) when (e is DuplexityException or OperationCanceledException)
            {
                // The engine is away: the others forget it in a moment.
            }
        }
    }

    /// <summary>Writes and reads once, now.</summary>
    internal async Task RoundAsync(CancellationToken ct)
    {
        await WriteAsync(ct);
        await ReadAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        // The container has it under two names, and disposes of it for each.
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            await _stop.CancelAsync();
            await _running;
            _stop.Dispose();
            _turn.Dispose();
        }
    }

    private async Task RunAsync()
    {
        var isWell = true;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await RoundAsync(_stop.Token);
                isWell = true;
                await Task.Delay(options.Value.Times.NodeNews, time, _stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (isWell)
                {
                    Log.NodesNotRead(logger, e);
                }

                isWell = false;
                await Task.Delay(options.Value.Times.NodeNews, time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task WriteAsync(CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            await ledger.WriteAsync(Self, ct);
        }
        finally
        {
            _turn.Release();
        }
    }

    private Task LookAgainAsync(CancellationToken ct) => ledger.IsKept && time.GetElapsedTime(Volatile.Read(ref _read)) > MinPause ? ReadAsync(ct) : Task.CompletedTask;

    private async Task ReadAsync(CancellationToken ct)
    {
        Volatile.Write(ref _read, time.GetTimestamp());
        var there = await ledger.ListAsync(ct);
        _others = [.. there.Nodes.Where(n => n.Name != node.Name)];
        _fronts = there.Fronts;
    }
}
