namespace Duplexity.Server;

/// <summary>The steps of a message's way, in order. Applications add gates at <see cref="Ingress"/>, <see cref="Entry"/> and <see cref="Egress"/>.</summary>
public enum Step
{
    /// <summary>From the socket into the client's pipe: is this message in order, and may this client send it?</summary>
    Ingress,

    /// <summary>Through the service channels, which clients can neither see nor switch off.</summary>
    Service,

    /// <summary>Through the pipes that clients configured.</summary>
    Cooked,

    /// <summary>Into each destination; also where a listener enters a channel, or reads it back.</summary>
    Entry,

    /// <summary>Out of a destination to each socket, as it leaves the socket's queue, and alike out of the log for History.</summary>
    Egress,
}
