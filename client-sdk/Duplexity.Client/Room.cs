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
}

/// <summary>Who was in a channel at one moment.</summary>
/// <param name="Version">Grows with each change of the channel's presence.</param>
/// <param name="Members">Each client with its sockets, by name.</param>
public sealed record Presence(long Version, IReadOnlyList<Member> Members);
