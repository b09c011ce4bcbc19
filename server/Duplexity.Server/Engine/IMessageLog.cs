namespace Duplexity.Server.Engine;

/// <summary>
/// The logs of all channels. What an implementation guarantees, and <c>EngineSpecification</c> tests:
/// <list type="bullet">
/// <item>An append is one atomic step over the key check and <em>all</em> destinations: all of them have the message, or none (G4).</item>
/// <item>Appends take effect in the order in which <see cref="AppendAsync"/> was <em>called</em>: the call itself puts the append into line before its
/// first await (G11). A channel's order is one order for every reader; between channels there is none.</item>
/// <item>Offsets of a channel start at 1, have no holes and are never given twice <em>under the same epoch</em>; the epoch belongs to the entry (G2).</item>
/// <item>Every appended entry comes back through <see cref="IEngineHandler.OnAppended"/> on every node, the appending one included: at most once, not
/// always in order; a reader that sees a hole reads the log.</item>
/// <item>Entries leave by age and count only; offset and epoch of the top outlive them.</item>
/// </list>
/// Thread-safe.
/// </summary>
internal interface IMessageLog
{
    /// <summary>Appends a message to all its destinations, or answers what an earlier append with the same key did.</summary>
    ValueTask<AppendResult> AppendAsync(AppendRequest request, CancellationToken ct = default);

    /// <summary>What an earlier append with this key did; null where there was none, or nothing is known of it any more.</summary>
    ValueTask<AppendResult?> FindAsync(IdempotencyKey key, CancellationToken ct = default);

    /// <summary>Reads at most <paramref name="limit"/> entries behind <paramref name="since"/> (before it, in reverse); null: from the start (the end).</summary>
    ValueTask<LogPage> ReadAsync(Address channel, Position? since, int limit, bool reverse = false, CancellationToken ct = default);

    /// <summary>The place of the last entry that the channel ever had; <see cref="Position.Start"/> where there was none.</summary>
    ValueTask<Position> TopAsync(Address channel, CancellationToken ct = default);

    /// <summary>The level that an append reaches when it answers.</summary>
    ReceiptLevel Level { get; }

    /// <summary>Forgets a channel, top included: for channels whose name is never used again (a socket's own).</summary>
    ValueTask RemoveAsync(Address channel, CancellationToken ct = default);
}

/// <summary>A message as it is stored once and shared by all its copies. Immutable.</summary>
internal sealed record StoredMessage
{
    public required string Id { get; init; }
    public required string FromClient { get; init; }
    public string? FromSocket { get; init; }
    public required DateTimeOffset SentAt { get; init; }
    public string? Text { get; init; }
    public byte[]? Bytes { get; init; }
    public string? ContentType { get; init; }
    public string? Type { get; init; }
    public string? Re { get; init; }
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    /// <summary>All destinations, in order: a socket that several of them reach gets the copy of the first (G9).</summary>
    public required IReadOnlyList<Address> Destinations { get; init; }
}

/// <summary>One entry of a channel's log.</summary>
/// <param name="Channel">The channel.</param>
/// <param name="Position">Its place.</param>
/// <param name="Before">The place of the entry before it, which a reader's last place must equal (G2).</param>
/// <param name="Message">The message.</param>
/// <param name="Earlier">The places of its copies under the destinations before this one, in their order: who stands behind such a place gets that copy (G9).</param>
internal sealed record LogEntry(Address Channel, Position Position, Position Before, StoredMessage Message, IReadOnlyList<Position> Earlier);

/// <summary>What makes a repeated send store once (G4).</summary>
/// <param name="Client">The acting client: keys of two clients never meet.</param>
/// <param name="Session">With <paramref name="Sequence"/>: an SDK's own numbering; null with <paramref name="Key"/>.</param>
/// <param name="Sequence">1, 2, 3 … within client and session.</param>
/// <param name="Key">A key of the application's choice; null with a session.</param>
/// <param name="Fingerprint">A hash of what the request says: the same key with another content is a mismatch.</param>
internal sealed record IdempotencyKey(string Client, string? Session, long Sequence, string? Key, string Fingerprint);

/// <summary>A message and where it goes: <see cref="StoredMessage.Destinations"/>, each at most once.</summary>
internal sealed record AppendRequest(StoredMessage Message, IdempotencyKey? Key = null);

internal enum AppendOutcome
{
    /// <summary>Appended now.</summary>
    Stored,

    /// <summary>Appended before under the same key; the result is the earlier one.</summary>
    Repeated,

    /// <summary>The key was used for another content: nothing was appended.</summary>
    Mismatch,

    /// <summary>The sequence is older than the receipts kept: whether it was appended is not known any more.</summary>
    Unknown,
}

/// <summary>What an append did.</summary>
/// <param name="Outcome">Which of the four.</param>
/// <param name="MessageId">The id under which the message is stored.</param>
/// <param name="Destinations">Where it was appended, those of the <em>first</em> time on a repeat; empty on mismatch and unknown.</param>
/// <param name="Positions">Its place in each of the destinations, in their order.</param>
/// <param name="Level">The level reached.</param>
internal sealed record AppendResult(AppendOutcome Outcome, string MessageId, IReadOnlyList<Address> Destinations, IReadOnlyList<Position> Positions, ReceiptLevel Level);

/// <summary>A page of a log.</summary>
/// <param name="Recovered">Whether <c>since</c> could be served; false: <paramref name="Entries"/> is empty, never a partial run.</param>
/// <param name="Entries">The entries in the order asked for.</param>
/// <param name="Top">The channel's top at the moment of reading.</param>
/// <param name="End">Whether nothing is left in this direction.</param>
internal sealed record LogPage(bool Recovered, IReadOnlyList<LogEntry> Entries, Position Top, bool End);
