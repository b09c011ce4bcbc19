using Duplexity.Server.Cluster;

namespace Duplexity.Server.Tunnels;

/// <summary>How many requests and connections of visitors are being served at this node. Thread-safe.</summary>
internal sealed class Visitors : INodeLoad
{
    private int _count;

    /// <inheritdoc/>
    public string Name => "visitors";

    /// <inheritdoc/>
    public int Count => Volatile.Read(ref _count);

    public void Begin() => Interlocked.Increment(ref _count);

    public void End() => Interlocked.Decrement(ref _count);
}
