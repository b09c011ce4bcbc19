using Duplexity.Protocol;
using Duplexity.Reading;

namespace Duplexity;

/// <summary>A room that the connection has joined; disposing it leaves the room.</summary>
public sealed class Room : Subscription
{
    internal Room(DuplexityConnection connection, Listener listener, Observers observers)
        : base(connection, listener.Address, observers)
    {
        Listener = listener;
    }

    internal override Listener Listener { get; }

    /// <summary>Who is in the room now.</summary>
    /// <exception cref="DuplexityException">It was refused.</exception>
    public Task<Presence> PresenceAsync(CancellationToken ct = default) => Connection.PresenceAsync(Address, ct);

    /// <summary>How many clients are in the room now.</summary>
    /// <exception cref="DuplexityException">It was refused.</exception>
    public Task<int> CountAsync(CancellationToken ct = default) => Connection.PresenceCountAsync(Address, ct);

    /// <summary>
    /// Who comes and goes: first all who are there, then each change, as it is told four times a second at most. A missed change is noticed by its version and all is asked for again; so it is after a
    /// reconnect. A client whose connection broke counts as there for 5 s, so that its reconnect is no change. Ends when the room or its connection is disposed.
    /// </summary>
    /// <exception cref="DuplexityException">The room does not tell that, or not to this client; or the subscription is over, and not by this program's wish.</exception>
    public IAsyncEnumerable<PresenceChange> WatchPresenceAsync(CancellationToken ct = default) => WatchMembersAsync(ct);
}

/// <summary>What a client emits, followed by the connection; disposing it stops that.</summary>
public sealed class Feed : Subscription
{
    internal Feed(DuplexityConnection connection, Listener listener, Observers observers)
        : base(connection, listener.Address, observers)
    {
        Listener = listener;
    }

    internal override Listener Listener { get; }

    /// <summary>Who follows, for the feed's owner alone; see <see cref="Room.WatchPresenceAsync"/>.</summary>
    /// <exception cref="DuplexityException">It is another client's feed; or the subscription is over, and not by this program's wish.</exception>
    public IAsyncEnumerable<PresenceChange> WatchFollowersAsync(CancellationToken ct = default) => WatchMembersAsync(ct);
}

/// <summary>Who was in a channel at one moment.</summary>
/// <param name="Version">Grows with each change of the channel's presence. Where there are more clients than a page of 1,000, that of the first page: who comes or goes while the others are read may be in it or not.</param>
/// <param name="Members">Each client with its sockets, by name.</param>
public sealed record Presence(long Version, IReadOnlyList<Member> Members);
