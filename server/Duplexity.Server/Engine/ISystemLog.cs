namespace Duplexity.Server.Engine;

/// <summary>
/// What all nodes must do or know soon: revocations, forced disconnects, changes of what nodes keep in memory (G8). Nothing is kept here: what is to last is written down first, then told. What an implementation
/// guarantees, and <c>EngineSpecification</c> tests:
/// <list type="bullet">
/// <item>What was told reaches every node that is alive, the telling one included, one after the other and in one order everywhere. Pub/sub may lose every hint: a node that reaches the store has done what was told two renewals ago.</item>
/// <item>A node that begins, or that cannot know any more what was told meanwhile, is told that it <see cref="ISystemHandler.OnMissedAsync">missed</see> something, and reads again what it keeps in memory.</item>
/// </list>
/// Thread-safe.
/// </summary>
internal interface ISystemLog
{
    /// <summary>Names the receiver; once, before the engine is started.</summary>
    void Attach(ISystemHandler handler);

    /// <summary>
    /// Tells all nodes. Completes when each node that was alive has done it or is not alive any more, or after <paramref name="patience"/> (null: as long as it takes; a node that is not heard of is over with its lease).
    /// </summary>
    /// <exception cref="DuplexityException">The store is away, and nothing was told; or it did not answer, and it may be told or not.</exception>
    /// <exception cref="OperationCanceledException">It is told; the caller does not want to wait any more.</exception>
    ValueTask<Told> TellAsync(string kind, string text, TimeSpan? patience, CancellationToken ct = default);

    /// <summary>How often this node told something and waited for the others, since its start.</summary>
    long Awaited { get; }

    /// <summary>How many nodes had not said that they had done it when this one stopped waiting, in all of these together.</summary>
    long Unconfirmed { get; }
}

/// <summary>Who does what is told, on one node.</summary>
internal interface ISystemHandler
{
    /// <summary>Something was told. Returns how much it hit here, such as connections; the teller is given the sum.</summary>
    ValueTask<int> OnToldAsync(string kind, string text);

    /// <summary>Something was told that this node cannot know any more.</summary>
    ValueTask OnMissedAsync();
}

/// <summary>What came of telling.</summary>
/// <param name="Hit">How much it hit, on all nodes that have done it.</param>
/// <param name="Pending">How many nodes have not said that they have done it, and may be alive.</param>
internal readonly record struct Told(int Hit, int Pending);
