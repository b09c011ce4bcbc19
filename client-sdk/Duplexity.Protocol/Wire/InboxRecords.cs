using MessagePack;

namespace Duplexity.Protocol;

/// <summary>What <see cref="JoinRequest.Ack"/> can say.</summary>
public static class AckWord
{
    /// <summary>What was written to the socket counts as acknowledged.</summary>
    public const string Auto = "auto";

    /// <summary>The reader acknowledges what it has finished with; what it has not comes again with the next Join.</summary>
    public const string Handled = "handled";

    /// <summary>The reader acknowledges each message; what it does not comes again with back-off, and becomes a dead letter after a number of attempts.</summary>
    public const string Manual = "manual";

    /// <summary>Work that must run once: each message is offered to one socket at a time, which has it for a lease and acknowledges it, renews the lease or returns it.</summary>
    public const string Claim = "claim";

    /// <summary>It only looks: nothing is acknowledged, and it begins now.</summary>
    public const string None = "none";
}

/// <summary>Says how far a reader of the own inbox has come. One of <c>through</c> and <c>position</c>.</summary>
[MessagePackObject]
public sealed record AcknowledgeRequest : Request
{
    /// <summary>The inbox's address.</summary>
    [Key(1)]
    public string? Channel { get; init; }

    /// <summary>Which reader; absent: the one that has no name.</summary>
    [Key(2)]
    public string? Reader { get; init; }

    /// <summary>Everything up to this place is acknowledged.</summary>
    [Key(3)]
    public Position? Through { get; init; }

    /// <summary>The message at this place is acknowledged; for <c>ack: manual</c> and <c>ack: claim</c>.</summary>
    [Key(4)]
    public Position? Position { get; init; }

    /// <summary>With <c>position</c>: the attempt that is acknowledged; absent: whichever is the last. Of what is claimed it must be there.</summary>
    [Key(5)]
    public int? Attempt { get; init; }
}

/// <summary>A message of the own inbox that was offered to this socket is none of its business any more: whoever works on it may stop. It is told once, and only of what was not acknowledged from this socket.</summary>
[MessagePackObject]
public sealed record WithdrawnEvent
{
    /// <summary>The inbox's address.</summary>
    [Key(0)]
    public string Channel { get; init; } = "";

    /// <summary>The message's place.</summary>
    [Key(1)]
    public Position Position { get; init; } = Position.Start;

    /// <summary>The message's id.</summary>
    [Key(2)]
    public string MessageId { get; init; } = "";

    /// <summary>The last attempt that this socket was offered.</summary>
    [Key(3)]
    public int Attempt { get; init; }

    /// <summary>Why, a word of <see cref="WithdrawnReason"/>.</summary>
    [Key(4)]
    public string Reason { get; init; } = "";
}

/// <summary>What <see cref="WithdrawnEvent.Reason"/> can say.</summary>
public static class WithdrawnReason
{
    /// <summary>Another socket has acknowledged it.</summary>
    public const string Taken = "taken";

    /// <summary>The lease of the claim has ended: it is offered to whoever is free, and this attempt cannot be acknowledged any more.</summary>
    public const string Expired = "expired";

    /// <summary>It has used up its attempts and is a dead letter.</summary>
    public const string DeadLetter = "dead_letter";
}

/// <summary>Lets the lease of a message that this socket has claimed begin anew.</summary>
[MessagePackObject]
public sealed record RenewClaimRequest : Request
{
    /// <summary>The inbox's address.</summary>
    [Key(1)]
    public string? Channel { get; init; }

    /// <summary>Which reader; absent: the one that has no name.</summary>
    [Key(2)]
    public string? Reader { get; init; }

    /// <summary>The message's place.</summary>
    [Key(3)]
    public Position? Position { get; init; }

    /// <summary>The attempt that this socket was offered.</summary>
    [Key(4)]
    public int? Attempt { get; init; }
}

/// <summary>Answers RenewClaim.</summary>
[MessagePackObject]
public sealed record RenewClaimResponse : Answer
{
    /// <summary>How long the message is this socket's from now on, in milliseconds.</summary>
    [Key(1)]
    public long? LeaseMs { get; init; }
}

/// <summary>Gives back a message that this socket has claimed: it is offered again, as the next attempt, or is a dead letter where that was the last one.</summary>
[MessagePackObject]
public sealed record ReturnClaimRequest : Request
{
    /// <summary>The inbox's address.</summary>
    [Key(1)]
    public string? Channel { get; init; }

    /// <summary>Which reader; absent: the one that has no name.</summary>
    [Key(2)]
    public string? Reader { get; init; }

    /// <summary>The message's place.</summary>
    [Key(3)]
    public Position? Position { get; init; }

    /// <summary>The attempt that this socket was offered.</summary>
    [Key(4)]
    public int? Attempt { get; init; }

    /// <summary>When it is offered again at the earliest, in milliseconds from now, at most an hour; absent: after the pause of <c>ack: manual</c>, 10 s, 20 s, 40 s ….</summary>
    [Key(5)]
    public long? AfterMs { get; init; }
}

/// <summary>A message that an inbox gave up: it was offered as often as it may be and never acknowledged.</summary>
[MessagePackObject]
public sealed record DeadLetter
{
    /// <summary>The message as it was offered.</summary>
    [Key(0)]
    public DeliveredMessage Message { get; init; } = new();

    /// <summary>How often it was offered.</summary>
    [Key(1)]
    public int Attempts { get; init; }

    /// <summary>When it was given up, in milliseconds since 1970 UTC.</summary>
    [Key(2)]
    public long At { get; init; }
}

/// <summary>Asks for the acting client's dead letters, the oldest first.</summary>
[MessagePackObject]
public sealed record DeadLettersRequest : Request
{
    /// <summary>Go on behind the letter with this message id; absent: from the oldest.</summary>
    [Key(1)]
    public string? After { get; init; }

    /// <summary>At most this many, 1 to 1,000; absent: 100.</summary>
    [Key(2)]
    public int? Limit { get; init; }
}

/// <summary>Answers DeadLetters.</summary>
[MessagePackObject]
public sealed record DeadLettersResponse : Answer
{
    /// <summary>The letters.</summary>
    [Key(1)]
    public DeadLetter[]? Letters { get; init; }

    /// <summary>What to give as <c>after</c> to go on; absent at the end.</summary>
    [Key(2)]
    public string? Next { get; init; }
}

/// <summary>Puts a dead letter of the acting client into its inbox anew, with a new id and place; the letter is gone then. Asked again, it is put there once.</summary>
[MessagePackObject]
public sealed record ReplayRequest : Request
{
    /// <summary>The message's id.</summary>
    [Key(1)]
    public string? Id { get; init; }
}

/// <summary>Lets a dead letter of the acting client go for good.</summary>
[MessagePackObject]
public sealed record DiscardRequest : Request
{
    /// <summary>The message's id.</summary>
    [Key(1)]
    public string? Id { get; init; }
}

/// <summary>Answers Replay.</summary>
[MessagePackObject]
public sealed record ReplayResponse : Answer
{
    /// <summary>The id of the new message.</summary>
    [Key(1)]
    public string? MessageId { get; init; }

    /// <summary>Its place.</summary>
    [Key(2)]
    public Position? Position { get; init; }
}
