using System.Reflection;
using System.Text.Json;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Cluster;

/// <summary>
/// Which nodes there are, and how much each has to do: every node writes itself down every moment, and looks who the others are. A node that is not heard of is forgotten after <see cref="Missed"/> moments. Nodes on the
/// embedded engine are alone. Thread-safe.
/// </summary>
internal sealed class NodeBook(
    Node node, IEngine engine, NodeCalls calls, IEnumerable<INodeLoad> load, IOptions<DuplexityOptions> options, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<NodeBook> logger)
    : IHostedService, IAsyncDisposable
{
    private const string Kind = "node";

    /// <summary>How many times in a row a node may fail to write itself down.</summary>
    private const int Missed = 5;

    /// <summary>Names that nobody has make the node look for them no oftener than this.</summary>
    private static readonly TimeSpan MinPause = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private volatile IReadOnlyList<NodeInfo> _others = [];
    private volatile NodeInfo _self = new()
    {
        Name = node.Name,
        Life = node.Life,
        Version = typeof(NodeBook).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "",
        Since = time.GetUtcNow(),
        Url = options.Value.Node.Url,
    };

    private Task _running = Task.CompletedTask;
    private long _read;
    private int _isDisposed;

    /// <summary>This node.</summary>
    public NodeInfo Self => _self with { Load = load.ToDictionary(l => l.Name, l => l.Count) };

    /// <summary>The other nodes that serve.</summary>
    public IReadOnlyList<NodeInfo> Others => [.. _others.Where(n => n.IsReady)];

    /// <summary>The other nodes that take clients.</summary>
    public IReadOnlyList<NodeInfo> Successors => [.. _others.Where(n => n.IsReady && !n.IsDraining)];

    /// <summary>Whether clients who come here are sent away: this node is being emptied, and another one takes them.</summary>
    public bool SendsAway => _self.IsDraining && _others.Any(n => n.IsReady && !n.IsDraining);

    /// <summary>Whether other nodes may share the engine.</summary>
    public bool IsShared => engine.Lease is not null;

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

    /// <summary>The node that a request says it is from; looked for once more where it is not known yet.</summary>
    public async ValueTask<NodeInfo?> FindLifeAsync(string life, CancellationToken ct)
    {
        if (Known() is { } known)
        {
            return known;
        }

        await LookAgainAsync(ct);
        return Known();

        NodeInfo? Known() => _others.FirstOrDefault(n => NodeSignature.IdOf(n.Name, n.Life) == life);
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
        if (!IsShared)
        {
            _self = _self with { IsReady = true };
            return;
        }

        await TakeNameAsync(cancellationToken);
        await WriteAsync(cancellationToken);
        await ReadAsync(cancellationToken);
        foreach (var other in _others)
        {
            await CheckAsync(other, cancellationToken);
        }

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
        if (IsShared)
        {
            try
            {
                // If a later life of this name is there already, that one stays.
                if (await engine.Records.ReadAsync(Kind, node.Name, cancellationToken) is { } written && JsonSerializer.Deserialize<NodeInfo>(written)?.Life == node.Life)
                {
                    await engine.Records.TakeAsync(Kind, node.Name, cancellationToken);
                }
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
            await engine.Records.PutAsync(Kind, node.Name, JsonSerializer.Serialize(Self), time.GetUtcNow() + (options.Value.Times.NodeNews * Missed), ct);
        }
        finally
        {
            _turn.Release();
        }
    }

    private Task LookAgainAsync(CancellationToken ct) => IsShared && time.GetElapsedTime(Volatile.Read(ref _read)) > MinPause ? ReadAsync(ct) : Task.CompletedTask;

    private async Task ReadAsync(CancellationToken ct)
    {
        Volatile.Write(ref _read, time.GetTimestamp());
        _others = [.. (await engine.Records.ListAsync(Kind, ct)).Where(r => r.Key != node.Name).Select(r => JsonSerializer.Deserialize<NodeInfo>(r.Value)).OfType<NodeInfo>()];
    }

    /// <summary>Two nodes of one name would be taken for one.</summary>
    private async Task TakeNameAsync(CancellationToken ct)
    {
        if (await engine.Records.ReadAsync(Kind, node.Name, ct) is not { } written || JsonSerializer.Deserialize<NodeInfo>(written) is not { } other)
        {
            return;
        }

        try
        {
            await calls.AskAsync<NodeInfo, string>(other, HelloCall.Word, Self, ct);
        }
        catch (Exception e) when (e is DuplexityException or NodeRefusedException)
        {
            // An earlier life of this node, which has died, or one that this one takes the place of.
            return;
        }

        throw new ClusterException($"A node {other.Name} is running already (since {other.Since:u}): give each node a Duplexity:Node:Name of its own, or none.");
    }

    /// <summary>Two nodes that cannot prove themselves to each other would serve half of everything.</summary>
    private async Task CheckAsync(NodeInfo other, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(options.Value.Cluster.Key))
        {
            throw new ClusterException($"The node {other.Name} (since {other.Since:u}) shares this engine: set Duplexity:Cluster:Key to one secret on all nodes, such as `openssl rand -base64 32` prints.");
        }

        if (other.InternalUrl is null)
        {
            throw new ClusterException($"The node {other.Name} (since {other.Since:u}) shares this engine and has no Duplexity:Cluster:Key: set the one of this node there, and start it again before this one.");
        }

        try
        {
            await calls.AskAsync<NodeInfo, string>(other, HelloCall.Word, Self, ct);
        }
        catch (NodeRefusedException e)
        {
            throw new ClusterException($"{e.Message} Set the same Duplexity:Cluster:Key on all nodes; while they change, the former one as Duplexity:Cluster:FormerKey.");
        }
        catch (DuplexityException e)
        {
            // It may have died a moment ago.
            Log.NodeUnreachable(logger, other.Name, other.InternalUrl, e);
        }
    }
}

/// <summary>Why a node does not start among others; the message says what to change.</summary>
internal sealed class ClusterException(string message) : Exception(message);

/// <summary>Whether a node is there, and has the same key.</summary>
internal sealed class HelloCall(Node node) : NodeCall<NodeInfo, string>(Word)
{
    public const string Word = "hello";

    /// <inheritdoc/>
    protected override ValueTask<string> AnswerAsync(NodeInfo question, NodeInfo from, CancellationToken ct) => new(node.Name);
}
