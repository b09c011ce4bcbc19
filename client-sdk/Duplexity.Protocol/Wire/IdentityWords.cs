namespace Duplexity.Protocol;

/// <summary>What <see cref="IdentitiesChangedEvent.Change"/> can say.</summary>
public static class IdentityChange
{
    /// <summary>It was added by a token.</summary>
    public const string Added = "added";

    /// <summary>It was renewed by a token.</summary>
    public const string Refreshed = "refreshed";

    /// <summary>It is the primary one now.</summary>
    public const string Primary = "primary";

    /// <summary>The connection dropped it.</summary>
    public const string Dropped = "dropped";

    /// <summary>Its token ended.</summary>
    public const string Expired = "expired";

    /// <summary>It was revoked or disabled.</summary>
    public const string Revoked = "revoked";
}

/// <summary>What <see cref="SocketChange.Kind"/> can say.</summary>
public static class SocketChangeKind
{
    /// <summary>It was there when the watch began, or began again. The SDK's word for what the answer to WatchSockets lists; no event says it.</summary>
    public const string Present = "present";

    /// <summary>It connected, or took this client on.</summary>
    public const string Connected = "connected";

    /// <summary>It is gone, or dropped this client.</summary>
    public const string Gone = "gone";

    /// <summary>Its allowances or its channels changed.</summary>
    public const string Changed = "changed";

    /// <summary>It used some of its limits.</summary>
    public const string Used = "used";
}

/// <summary>What <see cref="PipeChange.Kind"/> can say.</summary>
public static class PipeChangeKind
{
    /// <summary>It was there when the watch began, or began again. The SDK's word for what the answer to WatchPipes lists; no event says it.</summary>
    public const string Present = "present";

    /// <summary>It was registered.</summary>
    public const string Registered = "registered";

    /// <summary>A newer session of its owner serves it now.</summary>
    public const string TakenOver = "taken_over";

    /// <summary>It is gone: removed, closed, or its session is over.</summary>
    public const string Removed = "removed";

    /// <summary>Its state changed, or what it serves.</summary>
    public const string Changed = "changed";

    /// <summary>Visitors used it.</summary>
    public const string Used = "used";
}

/// <summary>What <see cref="ExplainRequest.Operation"/> can say.</summary>
public static class Operation
{
    /// <summary>Send to an address.</summary>
    public const string Send = "send";

    /// <summary>Join a channel.</summary>
    public const string Join = "join";

    /// <summary>Receive from a channel.</summary>
    public const string Receive = "receive";

    /// <summary>See who is in a channel.</summary>
    public const string Presence = "presence";

    /// <summary>Register a public pipe.</summary>
    public const string Publish = "publish";

    /// <summary>Administer a client.</summary>
    public const string Administer = "administer";

    /// <summary>Take locks in a lockspace.</summary>
    public const string Lock = "lock";
}
