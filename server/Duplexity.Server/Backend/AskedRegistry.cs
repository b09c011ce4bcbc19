using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Backend;

/// <summary>
/// The registry as a front has it: by asking a node, and only who serves what (2.20). The node that answered last is asked first; where it does not, the next one. Thread-safe.
/// </summary>
internal sealed class AskedRegistry(NodeBook nodes, NodeCalls calls) : IRegistry
{
    private volatile string? _last;

    /// <inheritdoc/>
    /// <exception cref="DuplexityException"><see cref="Errors.Unavailable"/>: no node answers.</exception>
    public ValueTask<IReadOnlyList<PipeEntry>> LocateAllAsync(string name, CancellationToken ct = default) => AskAsync(new(name, IsExact: false), ct);

    /// <inheritdoc/>
    /// <exception cref="DuplexityException"><see cref="Errors.Unavailable"/>: no node answers.</exception>
    public ValueTask<IReadOnlyList<PipeEntry>> ReadAllAsync(string name, CancellationToken ct = default) => AskAsync(new(name, IsExact: true), ct);

    /// <inheritdoc/>
    public ValueTask<long> NextGenerationAsync(CancellationToken ct = default) => throw NotHere();

    /// <inheritdoc/>
    public ValueTask<RegisterResult> RegisterAsync(IReadOnlyList<PipeEntry> entries, CancellationToken ct = default) => throw NotHere();

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PipeEntry>> ListAsync(string? client, CancellationToken ct = default) => throw NotHere();

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PipeEntry>> RemoveAsync(string client, string session, long generation, IReadOnlyList<string>? names = null, CancellationToken ct = default) => throw NotHere();

    private async ValueTask<IReadOnlyList<PipeEntry>> AskAsync(LocateQuestion question, CancellationToken ct)
    {
        foreach (var node in nodes.Others.OrderBy(n => n.Name != _last))
        {
            try
            {
                var entries = await calls.AskAsync<LocateQuestion, PipeEntry[]>(node, LocateQuestion.Word, question, ct);
                _last = node.Name;
                return entries;
            }
            catch (Exception e) when (e is DuplexityException or NodeRefusedException)
            {
                // It is away, or came back as another life of itself: the next one.
            }
        }

        throw new DuplexityException(DuplexityError.Of(Errors.Unavailable, "No node can be asked now; try again in a moment."));
    }

    private static NotSupportedException NotHere() => new("A front asks where a pipe is, and changes nothing (G18).");
}
