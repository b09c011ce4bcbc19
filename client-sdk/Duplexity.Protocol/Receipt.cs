namespace Duplexity;

/// <summary>How far a message has come (G3). Each level includes those before it.</summary>
public enum ReceiptLevel
{
    /// <summary>The node has it in memory only.</summary>
    Accepted,

    /// <summary>In the log; survives the death of the node's process where the engine keeps its log outside of it.</summary>
    Written,

    /// <summary>On disk; survives a power loss.</summary>
    Fsynced,

    /// <summary>On at least one replica as well.</summary>
    Replicated,

    /// <summary>Whichever of the above the operator set; what a send waits for unless told otherwise. A receipt never says this, it names the level reached.</summary>
    Stored,

    /// <summary>Written to a socket at every destination.</summary>
    Delivered,

    /// <summary>A reader of every inbox that it went to said that it has dealt with it.</summary>
    Acknowledged,
}

/// <summary>What became of a message at one destination.</summary>
/// <param name="To">The destination as it was asked for, in canonical form.</param>
/// <param name="Position">Its place in that channel's log; null where it was not taken.</param>
/// <param name="Error">Why it was not taken; null where it was.</param>
/// <param name="Listeners">How many other sockets listened there when it was taken; 0 says that nobody is there now; null where the sender may not see who is there. A hint, not a delivery report.</param>
public sealed record ReceiptDestination(Address To, Position? Position, DuplexityError? Error, int? Listeners = null);

/// <summary>What the machine says once it has taken a message; from then on delivery is its business and the sender may go.</summary>
public sealed record Receipt
{
    /// <summary>The message's id: the same for every copy, and for a repeated send.</summary>
    public required string MessageId { get; init; }

    /// <summary>The level reached.</summary>
    public required ReceiptLevel Level { get; init; }

    /// <summary>One entry for each destination, in the order asked for.</summary>
    public required IReadOnlyList<ReceiptDestination> Destinations { get; init; }

    /// <summary>Whether every destination took the message.</summary>
    public bool Complete => Destinations.All(d => d.Error is null);
}

/// <summary>What one send wants beside destinations and body. Nothing set means: the default identity, level <see cref="ReceiptLevel.Stored"/>.</summary>
public sealed record SendOptions
{
    /// <summary>
    /// The level to wait for; null for the connection's default. <see cref="ReceiptLevel.Delivered"/> and <see cref="ReceiptLevel.Acknowledged"/> (to clients only) are waited for once the message is stored, for <see cref="Within"/>; then the receipt
    /// says how far it had come, which may be less. Only a connection of the SDK can wait for these two.
    /// </summary>
    public ReceiptLevel? Level { get; init; }

    /// <summary>How long to wait for <see cref="ReceiptLevel.Delivered"/> or <see cref="ReceiptLevel.Acknowledged"/>; null: as long as for a send. The server tells it for an hour. A lost connection ends the waiting.</summary>
    public TimeSpan? Within { get; init; }

    /// <summary>The client to act as, one that the socket holds; null for the primary one.</summary>
    public string? As { get; init; }

    /// <summary>The application's name for the body, at most 128 characters; null: the .NET type's name for JSON bodies, none for text and bytes.</summary>
    public string? Type { get; init; }

    /// <summary>A key of the application's own, at most 128 characters: the same client's same key within 24 hours stores once (G4).</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>The id of the message that this one answers.</summary>
    public string? Re { get; init; }

    /// <summary>
    /// The lock under which this is sent, such as a held lock of the SDK. It is stored only if no later grant of the lock was sent under to the destinations, else refused as <see cref="Errors.StaleToken"/>;
    /// null: under none.
    /// </summary>
    public Protocol.LockToken? Under { get; init; }

    /// <summary>Headers for the receivers; names and values 4 KB together.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; init; }
}
