using Duplexity.Protocol;

namespace Duplexity.Server.Channels;

/// <summary>Who listens to channels: a socket. Called from channels' pumps; nothing here may block or throw.</summary>
internal interface ISubscriber
{
    /// <summary>The SOCK_ID.</summary>
    string SocketId { get; }

    /// <summary>Puts an entry into the line to the socket; whether it may leave is decided when it does.</summary>
    void Enqueue(Subscription subscription, Delivery delivery);

    /// <summary>Puts an entry into the line that was offered before and not acknowledged; its place says nothing about what it follows.</summary>
    void Again(Subscription subscription, Delivery delivery, int attempt);

    /// <summary>Says, in line, that what follows does not join what was handed over before: the place that the socket was told is void.</summary>
    void Move(Subscription subscription, Position place);

    /// <summary>Puts who came and went into the line to the socket, and writes; whether it may leave is decided when it does.</summary>
    void Tell(Subscription subscription, PresenceNews news);

    /// <summary>Says, in line, that a message which it was offered is none of its business any more, and writes.</summary>
    void Tell(WithdrawnEvent withdrawn);

    /// <summary>Writes what is in line, unless somebody is writing already.</summary>
    void Flush();

    /// <summary>Whether the line is short enough for more.</summary>
    bool HasRoom { get; }

    /// <summary>Completes when the line is short enough for more of the past; writes what is in line if it has to wait. False when the socket is gone.</summary>
    ValueTask<bool> WaitForRoomAsync(CancellationToken ct);
}
