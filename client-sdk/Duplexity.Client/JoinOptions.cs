namespace Duplexity;

/// <summary>Where a subscription begins. Nothing set: now.</summary>
public sealed record JoinOptions
{
    /// <summary>The last place already seen: everything behind it comes. Where it cannot be served any more, <see cref="Subscription.OnGap"/> is told.</summary>
    public Position? Since { get; init; }

    /// <summary>Begin with the last n messages, at most 1,000; 0: none. <see cref="Since"/> wins over it while it can be served.</summary>
    public int Last { get; init; }

    /// <summary>The client to listen as, one that the socket holds; null for the primary one.</summary>
    public string? As { get; init; }

    /// <summary>Have the server tell who comes and goes from the join on; without it the first <see cref="Room.WatchPresenceAsync"/> asks for that. Defaults to false.</summary>
    public bool Presence { get; init; }
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
