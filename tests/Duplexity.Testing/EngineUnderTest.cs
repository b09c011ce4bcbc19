using Duplexity.Server.Engine;

namespace Duplexity.Testing;

/// <summary>An engine with one or two nodes on one store, and the ways to hurt it that <see cref="EngineSpecification"/> needs.</summary>
internal abstract class EngineUnderTest : IAsyncDisposable
{
    /// <summary>The engine as each node has it, all on one store; two where the store can be shared. Others after <see cref="LoseSinceMarkAsync"/>.</summary>
    public abstract IReadOnlyList<IEngine> Nodes { get; }

    /// <summary>The level that the engine's appends reach.</summary>
    public abstract ReceiptLevel Level { get; }

    /// <summary>From here on, what is appended is going to be lost (a replica is cut off, a copy of the file is taken).</summary>
    public abstract Task MarkAsync();

    /// <summary>What was appended since the mark is lost behind the nodes' backs; the store goes on as a new incarnation, with the same handlers.</summary>
    public abstract Task LoseSinceMarkAsync();

    /// <summary>The node is killed and started again on what its store keeps.</summary>
    public virtual Task RestartAsync() => throw new NotSupportedException("This engine cannot be started again.");

    /// <summary>What the engine does from time to time it does now, at the test's time: a turn that its own timer began a moment ago may have looked at the clock before.</summary>
    public virtual Task TendAsync() => Task.CompletedTask;

    public abstract ValueTask DisposeAsync();
}
