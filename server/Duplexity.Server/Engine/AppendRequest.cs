namespace Duplexity.Server.Engine;

/// <summary>A message and where it goes: <see cref="StoredMessage.Destinations"/>, each at most once.</summary>
internal sealed record AppendRequest(StoredMessage Message, IdempotencyKey? Key = null)
{
    /// <summary>A fencing token that the sender shows: refused where a destination's log has accepted a higher one for that lock (G17).</summary>
    public Fence? Fence { get; init; }

    /// <summary>For a cooked pipe: the source place that this is made of; refused where that edge has taken this place or a later one (G20).</summary>
    public SourcePlace? Source { get; init; }

    /// <summary>From the node itself, or from the application in its process: it takes no client's part of what may wait for the disk (G24).</summary>
    public bool IsOwn { get; init; }

    /// <summary>Whose part of what may wait for the disk it takes, where it is not the key's client nor the sender: who made the node tell it.</summary>
    public string? ChargedTo { get; init; }

    /// <summary>Refuses what no log could take.</summary>
    /// <exception cref="ArgumentException">Destinations or the key cannot be so.</exception>
    public void Check()
    {
        var destinations = Message.Destinations;
        if (destinations.Count == 0 || destinations.Any(d => d.Kind == AddressKind.None) || (destinations.Count > 1 && destinations.Distinct().Count() < destinations.Count))
        {
            throw new ArgumentException("A message needs destinations, each an address and each at most once.");
        }

        Key?.Check();
    }
}

/// <summary>What makes a repeated send store once (G4).</summary>
/// <param name="Client">The acting client: keys of two clients never meet.</param>
/// <param name="Session">With <paramref name="Sequence"/>: an SDK's own numbering; null with <paramref name="Key"/>.</param>
/// <param name="Sequence">1, 2, 3 … within client and session.</param>
/// <param name="Key">A key of the application's choice; null with a session.</param>
/// <param name="Fingerprint">A hash of what the request says: the same key with another content is a mismatch.</param>
internal sealed record IdempotencyKey(string Client, string? Session, long Sequence, string? Key, string Fingerprint)
{
    /// <summary>The sequence of the session that has to be stored before this one; 0: none.</summary>
    public long After { get; init; }

    /// <summary>The refusal, where the highest sequence that is stored of its session is not as far as <see cref="After"/>; else null.</summary>
    public AppendResult? TooEarly(long highest, string messageId) => After > highest ? AppendResult.Refused(AppendOutcome.TooEarly, messageId) : null;

    /// <summary>Refuses a key that is neither of the two kinds.</summary>
    /// <exception cref="ArgumentException">It is neither, or both.</exception>
    public void Check()
    {
        if (Key is null == Session is null || (Session is not null && Sequence < 1))
        {
            throw new ArgumentException("An idempotency key is a key, or a session with a sequence from 1.");
        }
    }
}

/// <summary>A lock's fencing token, as its holder shows it.</summary>
/// <param name="Lock"><c>lockspace/name</c>.</param>
/// <param name="Token">The token; of two holders the later one has the higher.</param>
internal sealed record Fence(string Lock, long Token);

/// <summary>Where a cooked pipe read what it appends.</summary>
/// <param name="Edge">The pipe's id and which of its edges: each takes a source place once.</param>
/// <param name="Place">The place in the source's log.</param>
internal sealed record SourcePlace(string Edge, Position Place);

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

    /// <summary>The sequence that has to be stored before this one is not: nothing was appended, and the key is free.</summary>
    TooEarly,

    /// <summary>A destination has accepted a higher token of that lock: nothing was appended, and the key is free.</summary>
    StaleFence,

    /// <summary>A destination has this source place from that edge, or a later one: nothing was appended, and the key is free.</summary>
    AlreadyTaken,
}

/// <summary>What an append did.</summary>
/// <param name="Outcome">Which of the seven.</param>
/// <param name="MessageId">The id under which the message is stored.</param>
/// <param name="Destinations">Where it was appended, those of the <em>first</em> time on a repeat; empty where nothing was.</param>
/// <param name="Positions">Its place in each of the destinations, in their order.</param>
/// <param name="Level">The level that it reached in all of them.</param>
internal sealed record AppendResult(AppendOutcome Outcome, string MessageId, IReadOnlyList<Address> Destinations, IReadOnlyList<Position> Positions, ReceiptLevel Level)
{
    /// <summary>Nothing was appended, and this is why.</summary>
    public static AppendResult Refused(AppendOutcome outcome, string messageId) => new(outcome, messageId, [], [], ReceiptLevel.Accepted);
}
