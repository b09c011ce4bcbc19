namespace Duplexity.Server;

/// <summary>
/// Hears what the steps of the pipes announce: for moderation, audits, bots, counters. Added by <see cref="DuplexityGates.AddService{T}"/>. Announcements are live only, come one at a time and in order, and wait in
/// a queue of <see cref="AnnouncementOptions.Queue"/>, oldest out first; beyond <see cref="AnnouncementOptions.PerSecond"/> of a channel they are sampled. What was left out is counted in the next one
/// (<see cref="Announcement.LeftOut"/>). What is thrown is logged, and the next announcement comes all the same.
/// </summary>
public interface IMessageService
{
    /// <summary>Which channels it hears, names of <see cref="ServiceChannel"/>. Read once, when the node starts. Where nobody hears a channel, nothing is made for it.</summary>
    IReadOnlyCollection<string> Channels { get; }

    /// <summary>Something happened.</summary>
    /// <param name="announcement">What.</param>
    /// <param name="ct">Cancelled when the node stops.</param>
    ValueTask OnAnnouncementAsync(Announcement announcement, CancellationToken ct);
}

/// <summary>The inner channels. No client can name them: they read like what does not exist.</summary>
public static class ServiceChannel
{
    /// <summary>Every send as it comes in.</summary>
    public const string Ingress = "service:ingress";

    /// <summary>Every message that has passed the ingress, with its content, before anything else is done with it. No client can switch that off.</summary>
    public const string Service = "service:service";

    /// <summary>The pipes that clients configured.</summary>
    public const string Cooked = "service:cooked";

    /// <summary>Every destination.</summary>
    public const string Entry = "service:entry";

    /// <summary>Every copy that leaves for a socket, or is withheld.</summary>
    public const string Egress = "service:egress";

    /// <summary>Sockets that connect and go, by client.</summary>
    public const string Sockets = "service:sockets";

    internal static readonly string[] All = [Ingress, Service, Cooked, Entry, Egress, Sockets];

    /// <summary>The channel of a step.</summary>
    public static string Of(Step step) => All[(int)step];
}

/// <summary>What <see cref="Announcement.Action"/> can say.</summary>
public static class AnnouncedAction
{
    /// <summary>It came to the step.</summary>
    public const string Entered = "entered";

    /// <summary>The step let it pass.</summary>
    public const string Passed = "passed";

    /// <summary>A gate refused it, or withheld a copy.</summary>
    public const string Refused = "refused";

    /// <summary>It waits for an answer to a challenge, or behind one that does.</summary>
    public const string Held = "held";

    /// <summary>A copy is on its way to a socket.</summary>
    public const string Delivered = "delivered";

    /// <summary>No destination took it.</summary>
    public const string DeadLetter = "dead_letter";

    /// <summary>A message pipe found that a stretch of its source had left the log before it came there; <see cref="Announcement.Note"/> says from where to where.</summary>
    public const string DeadStretch = "dead_stretch";

    /// <summary>A knuckle says something; <see cref="Announcement.Note"/> has it.</summary>
    public const string Said = "said";

    /// <summary>A socket holds a client.</summary>
    public const string Connected = "connected";

    /// <summary>A socket holds a client no more.</summary>
    public const string Disconnected = "disconnected";
}

/// <summary>What happened at a step. Immutable.</summary>
public sealed record Announcement
{
    /// <summary>Where it is announced, a name of <see cref="ServiceChannel"/>.</summary>
    public required string Channel { get; init; }

    /// <summary>What happened, a word of <see cref="AnnouncedAction"/>.</summary>
    public required string Action { get; init; }

    /// <summary>Whose it is: the sender; of a socket, its client.</summary>
    public required string Owner { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The message's id; null for sockets.</summary>
    public string? MessageId { get; init; }

    /// <summary>At which address: the sender's, the destination's, the receiving socket's.</summary>
    public string? Target { get; init; }

    /// <summary>The gate that decided, where one did.</summary>
    public string? Gate { get; init; }

    /// <summary>Why it was refused; null where it was not.</summary>
    public DuplexityError? Error { get; init; }

    /// <summary>What else is to be said of it; null: nothing.</summary>
    public string? Note { get; init; }

    /// <summary>The message itself, on <see cref="ServiceChannel.Service"/> alone.</summary>
    public GateMessage? Message { get; init; }

    /// <summary>How many announcements before this one were left out for this service, by sampling or because its queue was full.</summary>
    public long LeftOut { get; init; }
}
