using System.Collections.Concurrent;
using System.Text.Json;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Cluster;

/// <summary>
/// Nodes among the engine's records, and fronts beside them, each written down for <see cref="Missed"/> moments. A node on the embedded engine is alone; the fronts that ask it, it remembers itself. Thread-safe.
/// </summary>
internal sealed class EngineLedger(IEngine engine, NodeCalls calls, NodeSignature signature, IOptions<DuplexityOptions> options, TimeProvider time, ILogger<EngineLedger> logger) : INodeLedger
{
    /// <summary>How many times in a row a node may fail to write itself down.</summary>
    private const int Missed = 5;

    private const string NodeKind = "node";
    private const string FrontKind = "front";

    private readonly ConcurrentDictionary<string, (NodeInfo Front, DateTimeOffset Until)> _fronts = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public bool IsShared => engine.Lease is not null;

    /// <inheritdoc/>
    public bool IsKept => IsShared || signature.KnowsFronts;

    /// <inheritdoc/>
    public ActingLease? Lease => engine.Lease;

    /// <inheritdoc/>
    public async Task JoinAsync(NodeInfo self, CancellationToken ct)
    {
        if (!IsShared)
        {
            return;
        }

        await TakeNameAsync(self, ct);
        await WriteAsync(self, ct);
        foreach (var other in (await ListAsync(ct)).Nodes.Where(n => n.Name != self.Name))
        {
            await CheckAsync(self, other, ct);
        }
    }

    /// <inheritdoc/>
    public async Task WriteAsync(NodeInfo node, CancellationToken ct)
    {
        var until = time.GetUtcNow() + (options.Value.Times.NodeNews * Missed);
        if (IsShared)
        {
            await engine.Records.PutAsync(node.IsFront ? FrontKind : NodeKind, node.Name, JsonSerializer.Serialize(node), until, ct);
        }
        else if (node.IsFront)
        {
            _fronts[node.Name] = (node, until);
        }
    }

    /// <inheritdoc/>
    public async Task<NodesThere> ListAsync(CancellationToken ct)
    {
        if (IsShared)
        {
            return new(await ListAsync(NodeKind, ct), signature.KnowsFronts ? await ListAsync(FrontKind, ct) : []);
        }

        foreach (var (name, front) in _fronts)
        {
            if (front.Until <= time.GetUtcNow())
            {
                _fronts.TryRemove(new(name, front));
            }
        }

        return new([], [.. _fronts.Values.Select(f => f.Front)]);
    }

    /// <inheritdoc/>
    public async Task LeaveAsync(NodeInfo self, CancellationToken ct)
    {
        // If a later life of this name is there already, that one stays.
        if (IsShared && await engine.Records.ReadAsync(NodeKind, self.Name, ct) is { } written && JsonSerializer.Deserialize<NodeInfo>(written)?.Life == self.Life)
        {
            await engine.Records.TakeAsync(NodeKind, self.Name, ct);
        }
    }

    private async Task<IReadOnlyList<NodeInfo>> ListAsync(string kind, CancellationToken ct) =>
        [.. (await engine.Records.ListAsync(kind, ct)).Select(r => JsonSerializer.Deserialize<NodeInfo>(r.Value)).OfType<NodeInfo>()];

    /// <summary>Two nodes of one name would be taken for one.</summary>
    private async Task TakeNameAsync(NodeInfo self, CancellationToken ct)
    {
        if (await engine.Records.ReadAsync(NodeKind, self.Name, ct) is not { } written || JsonSerializer.Deserialize<NodeInfo>(written) is not { } other)
        {
            return;
        }

        try
        {
            await calls.AskAsync<NodeInfo, string>(other, HelloCall.Word, self, ct);
        }
        catch (Exception e) when (e is DuplexityException or NodeRefusedException)
        {
            // An earlier life of this node, which has died, or one that this one takes the place of.
            return;
        }

        throw new ClusterException($"A node {other.Name} is running already (since {other.Since:u}): give each node a Duplexity:Node:Name of its own, or none.");
    }

    /// <summary>Two nodes that cannot prove themselves to each other would serve half of everything.</summary>
    private async Task CheckAsync(NodeInfo self, NodeInfo other, CancellationToken ct)
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
            await calls.AskAsync<NodeInfo, string>(other, HelloCall.Word, self, ct);
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
    public override bool IsForNewcomers => true; // a node that wants this one's name is not written down, and has to hear that the name is taken

    /// <inheritdoc/>
    protected override ValueTask<string> AnswerAsync(NodeInfo question, NodeInfo from, CancellationToken ct) => new(node.Name);
}
