using Duplexity.Server.Engine;

namespace Duplexity.Server.Cluster;

/// <summary>Where a node writes itself down, and reads who the others are: in the engine that nodes share, or, at a front, at a node.</summary>
internal interface INodeLedger
{
    /// <summary>Whether this node shares what it serves with other nodes.</summary>
    bool IsShared { get; }

    /// <summary>Whether there may be others of any kind: then it is written and read every moment.</summary>
    bool IsKept { get; }

    /// <summary>For how long this node may act without having reached the ledger; null: for ever.</summary>
    ActingLease? Lease { get; }

    /// <summary>The first time: takes the node's name, and checks that it may be one among the others.</summary>
    /// <exception cref="ClusterException">It may not; the message says what to change.</exception>
    Task JoinAsync(NodeInfo self, CancellationToken ct);

    /// <summary>Writes a node down, for five moments (<see cref="TimeOptions.NodeNews"/>).</summary>
    Task WriteAsync(NodeInfo node, CancellationToken ct);

    /// <summary>Everybody who is written down.</summary>
    Task<NodesThere> ListAsync(CancellationToken ct);

    /// <summary>Strikes this node off, unless a later life of its name is there.</summary>
    Task LeaveAsync(NodeInfo self, CancellationToken ct);
}

/// <param name="Nodes">Those that have clients.</param>
/// <param name="Fronts">Those that have visitors only.</param>
internal sealed record NodesThere(IReadOnlyList<NodeInfo> Nodes, IReadOnlyList<NodeInfo> Fronts);
