namespace Duplexity.Server.Pipes;

/// <summary>The steps of a message's way, in order.</summary>
internal enum Step
{
    /// <summary>From the socket into the client's pipe: is this message in order, and may this client send it?</summary>
    Ingress,

    /// <summary>Through the service channels, which clients can neither see nor switch off.</summary>
    Service,

    /// <summary>Through the pipes that clients configured.</summary>
    Cooked,

    /// <summary>Into each destination.</summary>
    Entry,

    /// <summary>Out of a destination to each socket, as it leaves the socket's queue.</summary>
    Egress,
}
