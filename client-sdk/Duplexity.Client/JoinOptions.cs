namespace Duplexity;

/// <summary>Where a subscription begins. Nothing set: now; for the inbox, with the first message that was not acknowledged.</summary>
public sealed record JoinOptions
{
    /// <summary>The last place already seen: everything behind it comes. Where it cannot be served any more, <see cref="Subscription.OnGap"/> is told; if the log has lost its end, what was stored instead comes, else what comes from now on.</summary>
    public Position? Since { get; init; }

    /// <summary>Begin with the last n messages, at most 1,000; 0: none. <see cref="Since"/> wins over it while it can be served.</summary>
    public int Last { get; init; }

    /// <summary>The client to listen as, one that the socket holds; null for the primary one.</summary>
    public string? As { get; init; }

    /// <summary>Have the server tell who comes and goes from the join on; without it the first <see cref="Room.WatchPresenceAsync"/> asks for that. Defaults to false.</summary>
    public bool Presence { get; init; }

    /// <summary>For the inbox: a name of this device's own, at most 128 characters, with a place of its own; at most 16 a client. Null: the place that all of the client's programs share.</summary>
    public string? Reader { get; init; }

    /// <summary>For the inbox: who acknowledges. Null: <see cref="AckMode.Auto"/>; with <see cref="Since"/> or <see cref="Last"/>, a place of one's own, <see cref="AckMode.None"/>.</summary>
    public AckMode? Ack { get; init; }

    /// <summary>For the inbox with <see cref="AckMode.Claim"/>: how many messages this program works on at once, 1 to 256 and not more than <see cref="DuplexityConnectionOptions.ReadBuffer"/>. Defaults to 1.</summary>
    public int Hands { get; init; } = 1;
}

/// <summary>Who acknowledges the messages of an inbox, so that they do not wait there any longer.</summary>
public enum AckMode
{
    /// <summary>The SDK, each message once it is finished with: its handler has returned (or thrown), or the reader has asked for the next one. What was not finished with waits for the next start.</summary>
    Auto,

    /// <summary>The program, by <see cref="Inbox.AcknowledgeAsync(Message, CancellationToken)"/>. What it does not acknowledge comes again, after 10 s, 20 s, 40 s …, and after five attempts becomes a dead letter.</summary>
    Manual,

    /// <summary>
    /// The program, for work that must run once: each message is offered to one connection of the client at a time (<see cref="Inbox.ClaimAllAsync"/>), which has it for a lease of 30 s that the SDK renews. What is given back or lost comes to whoever is
    /// free, and after five attempts becomes a dead letter. All that read as the same <see cref="JoinOptions.Reader"/> claim.
    /// </summary>
    Claim,

    /// <summary>Nobody: it only looks, from now on unless <see cref="JoinOptions.Since"/> or <see cref="JoinOptions.Last"/> say otherwise.</summary>
    None,
}

/// <summary>Which part of a channel's log to read.</summary>
public sealed record HistoryOptions
{
    /// <summary>Read behind this place (before it, in reverse); null: from the start (from the end, in reverse).</summary>
    public Position? Since { get; init; }

    /// <summary>At most this many; null: all that the log holds in this direction.</summary>
    public int? Limit { get; init; }

    /// <summary>Newest first.</summary>
    public bool Reverse { get; init; }

    /// <summary>The client to read as, one that the socket holds; null for the primary one.</summary>
    public string? As { get; init; }
}

/// <summary>A place could not be served any more: what lay between the two places, if anything did, is missing for ever.</summary>
/// <param name="Channel">The channel.</param>
/// <param name="From">The last place that was read.</param>
/// <param name="To">The place behind which reading goes on.</param>
public sealed record Gap(Address Channel, Position From, Position To);
