namespace Duplexity;

/// <content>What the server lets this connection listen to by itself.</content>
public sealed partial class DuplexityConnection
{
    /// <summary>
    /// Raised when the server lets a client of this connection listen to something it has not joined: a <see cref="Room"/> or <see cref="Feed"/> in which an application or an administrator put it, or the
    /// <see cref="Lockspace"/> to which it was moved. It can be read at once, and disposing it leaves. After a reconnect it is joined like any other, which gates may refuse. Where nobody handles this event nothing is
    /// made of a room or feed, and a later <see cref="JoinAsync"/> goes on from there. Raised on the thread that read it from the connection: be brief. An exception is logged.
    /// </summary>
    public event Action<Subscription>? Placed;

    internal Action<Subscription>? OnPlaced => Placed;
}
