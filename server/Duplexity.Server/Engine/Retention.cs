namespace Duplexity.Server.Engine;

/// <summary>How long a channel keeps its messages: until one of the three bounds is passed, oldest out first. The newest message leaves by age alone.</summary>
/// <param name="Age">For how long.</param>
/// <param name="Count">How many.</param>
/// <param name="Bytes">How many bytes of messages (<see cref="StoredMessage.Size"/>).</param>
/// <param name="LastValueOnly">Only the newest is kept, whatever <paramref name="Count"/> says.</param>
/// <param name="Ephemeral">Never on a disk: the channel, its top included, ends with the process.</param>
internal sealed record Retention(TimeSpan Age, int Count, long Bytes, bool LastValueOnly = false, bool Ephemeral = false)
{
    /// <summary>How many entries at most.</summary>
    public int Most => LastValueOnly ? 1 : Count;
}

/// <summary>Says how long each channel keeps its messages: at once, for an append may ask, and the same for as long as the process lives. Thread-safe.</summary>
internal interface IRetention
{
    Retention Of(Address channel);
}

/// <summary>The same for every channel, as the options say; a socket's own channel and service channels, queues of requests apart, die with the process anyway.</summary>
internal sealed class DefaultRetention : IRetention
{
    /// <summary>How the names of the inner channels begin that keep requests of public pipes: unlike other inner channels they outlive the process.</summary>
    public const string QueuePrefix = "queue/";

    private readonly Retention _kept;
    private readonly Retention _ephemeral;
    private readonly Retention _inbox;
    private readonly Retention _queue;

    public DefaultRetention(DuplexityOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Limits.MessagesPerChannel, 1);
        _kept = new Retention(options.Times.Retention, options.Limits.MessagesPerChannel, options.Limits.BytesPerChannel);
        _ephemeral = _kept with { Ephemeral = true };
        _inbox = OfInbox(_kept, options.Limits);
        _queue = new Retention(options.Queue.Keep, options.Queue.Requests + Headroom(options.Queue.Requests), options.Queue.BytesPerOwner + (options.Queue.BytesPerOwner / 10));
    }

    public Retention Of(Address channel) => channel.Kind switch
    {
        AddressKind.Service when channel.Name.StartsWith(QueuePrefix, StringComparison.Ordinal) => _queue,
        AddressKind.Socket or AddressKind.Service => _ephemeral,
        AddressKind.Client => _inbox,
        _ => _kept,
    };

    /// <summary>An inbox keeps a tenth more than may wait in it unacknowledged, so that neither count nor size takes what is (G22): what its bound misses for a moment fits into that.</summary>
    public static Retention OfInbox(Retention kept, LimitOptions limits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limits.InboxMessages, 1);
        return kept with { Count = Math.Max(kept.Count, limits.InboxMessages + Headroom(limits.InboxMessages)), Bytes = Math.Max(kept.Bytes, limits.InboxBytes + (limits.InboxBytes / 10)) };
    }

    /// <summary>How many messages more than may wait in it an inbox keeps.</summary>
    public static int Headroom(int most) => Math.Max(1, most / 10);
}
