using MessagePack;

namespace Duplexity.Protocol;

/// <summary>A gate asks the client something before a message, or a listener, may pass. Answered with AnswerChallenge.</summary>
[MessagePackObject]
public sealed record ChallengeEvent
{
    /// <summary>What AnswerChallenge names.</summary>
    [Key(0)]
    public string Id { get; init; } = "";

    /// <summary>What is wanted: a word of <see cref="ChallengeKind"/>, or one of the application's own.</summary>
    [Key(1)]
    public string Kind { get; init; } = "";

    /// <summary>The client that is asked.</summary>
    [Key(2)]
    public string Client { get; init; } = "";

    /// <summary>Where the message, or the listener, wants to go; absent: everywhere.</summary>
    [Key(3)]
    public string? Channel { get; init; }

    /// <summary>What a person is asked.</summary>
    [Key(4)]
    public string Sentence { get; init; } = "";

    /// <summary>The gate that asks.</summary>
    [Key(5)]
    public string Gate { get; init; } = "";

    /// <summary>What the answer needs, by names of the application's own.</summary>
    [Key(6)]
    public Dictionary<string, string>? Data { get; init; }

    /// <summary>The message that is held; absent where a listener is.</summary>
    [Key(7)]
    public string? MessageId { get; init; }

    /// <summary>Until when an answer counts, in milliseconds since 1970 UTC.</summary>
    [Key(8)]
    public long ExpiresAt { get; init; }
}

/// <summary>Answers a challenge: with a fresh token, a key, or a value, as its kind wants it.</summary>
[MessagePackObject]
public sealed record AnswerChallengeRequest : Request
{
    /// <summary>The challenge.</summary>
    [Key(1)]
    public string? Id { get; init; }

    /// <summary>For <c>reauthenticate</c>: a token of the same client, issued after the challenge.</summary>
    [Key(2)]
    public string? Token { get; init; }

    /// <summary>For <c>key</c>: the key.</summary>
    [Key(3)]
    public string? Key { get; init; }

    /// <summary>For kinds of the application's own, at most 4,096 characters.</summary>
    [Key(4)]
    public string? Value { get; init; }
}

/// <summary>What became of a message after its answer: one that was held is stored now, or refused; one that was sent with level <c>delivered</c> or <c>acknowledged</c> has come so far at the destinations named, or will not (406).</summary>
[MessagePackObject]
public sealed record ReceiptChangedEvent
{
    /// <summary>The message's id, as the receipt said it.</summary>
    [Key(0)]
    public string MessageId { get; init; } = "";

    /// <summary>The level reached, a word of <see cref="Levels"/>; absent where it was refused.</summary>
    [Key(1)]
    public string? Level { get; init; }

    /// <summary>Why it was refused, or why nothing more is told of it; absent where it was not.</summary>
    [Key(2)]
    public DuplexityError? Error { get; init; }

    /// <summary>One entry for each destination, as in the receipt; of what is delivered or acknowledged, those that it is said of.</summary>
    [Key(3)]
    public DestinationResult[]? Destinations { get; init; }
}

/// <summary>What <see cref="ChallengeEvent.Kind"/> can say, beside words of the application's own.</summary>
public static class ChallengeKind
{
    /// <summary>A fresh token of the same client: the person has signed in anew.</summary>
    public const string Reauthenticate = "reauthenticate";

    /// <summary>A key or a password.</summary>
    public const string Key = "key";
}
