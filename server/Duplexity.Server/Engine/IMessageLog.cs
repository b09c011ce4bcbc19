namespace Duplexity.Server.Engine;

/// <summary>
/// The logs of all channels. What an implementation guarantees, and <c>EngineSpecification</c> tests:
/// <list type="bullet">
/// <item>An append is one atomic step over the key check and <em>all</em> destinations: all of them have the message, or none (G4).</item>
/// <item>Appends take effect in the order in which <see cref="AppendAsync"/> was <em>called</em>: the call itself puts the append into line before its
/// first await (G11). A channel's order is one order for every reader; between channels there is none.</item>
/// <item>Offsets of a channel start at 1, have no holes and are never given twice <em>under the same epoch</em>; the epoch belongs to the entry (G2).</item>
/// <item>Every appended entry comes back through <see cref="IEngineHandler.OnAppended"/> on every node that follows its channel (or hears of all), the appending one included:
/// at most once, not always in order; a reader that sees a hole reads the log.</item>
/// <item>Entries leave by their channel's <see cref="Retention"/> only. Offset and epoch of the top outlive them; so do, for 30 days at least, the highest fencing
/// token accepted of each lock (G17) and the source places taken by each edge (G20), both compared and raised in the append's own step.</item>
/// <item>An append whose key names a sequence that must come first (<see cref="IdempotencyKey.After"/>) is refused while the highest that is stored of its session is lower (G3, G4).</item>
/// <item>An append that is refused leaves no trace, its key included.</item>
/// </list>
/// Thread-safe.
/// </summary>
internal interface IMessageLog
{
    /// <summary>Appends a message to all its destinations, or answers what an earlier append with the same key did.</summary>
    ValueTask<AppendResult> AppendAsync(AppendRequest request, CancellationToken ct = default);

    /// <summary>What an earlier append with this key did; null where there was none, or nothing is known of it any more.</summary>
    ValueTask<AppendResult?> FindAsync(IdempotencyKey key, CancellationToken ct = default);

    /// <summary>
    /// Reads at most <paramref name="limit"/> entries behind <paramref name="since"/> (before it, in reverse); null: from the start (the end). A page also ends with the entry that reaches
    /// <see cref="LogPage.MaxBytes"/>: who wants more goes on behind the last entry until <see cref="LogPage.End"/>.
    /// </summary>
    ValueTask<LogPage> ReadAsync(Address channel, Position? since, int limit, bool reverse = false, CancellationToken ct = default);

    /// <summary>The place of the last entry that the channel ever had; <see cref="Position.Start"/> where there was none.</summary>
    ValueTask<Position> TopAsync(Address channel, CancellationToken ct = default);

    /// <summary>The source place that an edge took last in this channel; null where it took none, or too much has happened since.</summary>
    ValueTask<Position?> ReadSourceAsync(Address channel, string edge, CancellationToken ct = default);

    /// <summary>The level that an append reaches when it answers, in channels that are not ephemeral.</summary>
    ReceiptLevel Level { get; }

    /// <summary>Bytes of its files on this node's disk; null where it has none.</summary>
    long? Size => null;

    /// <summary>How many appends and other changes wait for this node's disk.</summary>
    int Waiting => 0;

    /// <summary>
    /// When it completes, what is appended to the channel comes to this node's handler, until as many calls of <see cref="Unfollow"/>: whoever reads the log after that misses nothing. A log that one node has for itself
    /// tells everything anyway.
    /// </summary>
    ValueTask FollowAsync(Address channel) => default;

    /// <summary>The ids (<see cref="IEngine.Node"/>) of the nodes that follow a channel; may still name one that has just died. Empty for a log that one node has for itself.</summary>
    ValueTask<IReadOnlyList<string>> NodesFollowingAsync(Address channel, CancellationToken ct = default) => new([]);

    /// <summary>Ends what one <see cref="FollowAsync"/> began; one that failed has begun nothing.</summary>
    void Unfollow(Address channel)
    {
    }

    /// <summary>Tells the other nodes that follow a channel that something beside its entries has changed (<see cref="IEngineHandler.OnHinted"/>); may be lost on the way. A node that is alone tells nobody.</summary>
    ValueTask HintAsync(Address channel) => default;

    /// <summary>Forgets a channel, top included: for channels whose name is never used again (a socket's own).</summary>
    ValueTask RemoveAsync(Address channel, CancellationToken ct = default);
}

/// <summary>One entry of a channel's log.</summary>
/// <param name="Channel">The channel.</param>
/// <param name="Position">Its place.</param>
/// <param name="Before">The place of the entry before it, which a reader's last place must equal (G2).</param>
/// <param name="Message">The message.</param>
/// <param name="Earlier">The places of its copies under the destinations before this one, in their order: who stands behind such a place gets that copy (G9).</param>
internal sealed record LogEntry(Address Channel, Position Position, Position Before, StoredMessage Message, IReadOnlyList<Position> Earlier);

/// <summary>A page of a log.</summary>
/// <param name="Recovered">Whether <c>since</c> could be served; false: <paramref name="Entries"/> is empty, never a partial run.</param>
/// <param name="Entries">The entries in the order asked for.</param>
/// <param name="Top">The channel's top at the moment of reading.</param>
/// <param name="End">Whether nothing is left in this direction.</param>
internal sealed record LogPage(bool Recovered, IReadOnlyList<LogEntry> Entries, Position Top, bool End)
{
    /// <summary>Bytes of messages (bodies and headers) at which a page ends, however many entries were asked for (G24).</summary>
    public const int MaxBytes = 1024 * 1024;
}
