namespace Duplexity;

/// <summary>Every error code of the protocol with its name. PROTOCOL.md has the same table; numbers are never given a second meaning.</summary>
public static class Errors
{
#pragma warning disable CS1591 // one line each: the name says it, PROTOCOL.md says the rest
    // 1xx: the request is wrong, do not repeat it
    public static readonly (int Code, string Name) Unreadable = (100, "unreadable");
    public static readonly (int Code, string Name) NoSuchMethod = (101, "no_such_method");
    public static readonly (int Code, string Name) InvalidRequest = (102, "invalid_request");
    public static readonly (int Code, string Name) InvalidAddress = (103, "invalid_address");
    public static readonly (int Code, string Name) ProtocolVersion = (104, "protocol_version");
    public static readonly (int Code, string Name) IdentityAmbiguous = (105, "identity_ambiguous");
    public static readonly (int Code, string Name) IdempotencyMismatch = (106, "idempotency_mismatch");
    public static readonly (int Code, string Name) MessageTooLarge = (107, "message_too_large");
    public static readonly (int Code, string Name) InvalidPipe = (108, "invalid_pipe");
    public static readonly (int Code, string Name) NotJoined = (109, "not_joined");
    public static readonly (int Code, string Name) PlaceGone = (110, "place_gone");
    public static readonly (int Code, string Name) Taken = (111, "taken");
    public static readonly (int Code, string Name) StaleAttempt = (112, "stale_attempt");
    public static readonly (int Code, string Name) NoSuchChallenge = (120, "no_such_challenge");

    // 2xx: not allowed
    public static readonly (int Code, string Name) Denied = (200, "denied");
    public static readonly (int Code, string Name) IdentityNotHeld = (201, "identity_not_held");
    public static readonly (int Code, string Name) TokenExpired = (202, "token_expired");
    public static readonly (int Code, string Name) UnknownDestination = (203, "unknown_destination");
    public static readonly (int Code, string Name) TicketRefused = (204, "ticket_refused");
    public static readonly (int Code, string Name) NameTaken = (205, "name_taken");
    public static readonly (int Code, string Name) GateRefused = (206, "gate_refused");
    public static readonly (int Code, string Name) TokenRefused = (207, "token_refused");
    public static readonly (int Code, string Name) StaleToken = (209, "stale_token");
    public static readonly (int Code, string Name) Held = (210, "held");
    public static readonly (int Code, string Name) ChallengeFailed = (220, "challenge_failed");

    // 3xx: a limit
    public static readonly (int Code, string Name) RateLimited = (300, "rate_limited");
    public static readonly (int Code, string Name) TooManyChannels = (301, "too_many_channels");
    public static readonly (int Code, string Name) TooManyPipes = (302, "too_many_pipes");
    public static readonly (int Code, string Name) InboxFull = (304, "inbox_full");
    public static readonly (int Code, string Name) PortsExhausted = (305, "ports_exhausted");
    public static readonly (int Code, string Name) TooManyIdentities = (306, "too_many_identities");
    public static readonly (int Code, string Name) TooManySockets = (307, "too_many_sockets");
    public static readonly (int Code, string Name) RoomFull = (308, "room_full");
    public static readonly (int Code, string Name) TooManyWatches = (309, "too_many_watches");
    public static readonly (int Code, string Name) TooManyLockspaces = (310, "too_many_lockspaces");
    public static readonly (int Code, string Name) TooManyReaders = (311, "too_many_readers");
    public static readonly (int Code, string Name) TooManyLocks = (312, "too_many_locks");

    // 4xx: not now
    public static readonly (int Code, string Name) Unavailable = (400, "unavailable");
    public static readonly (int Code, string Name) OutcomeUnknown = (401, "outcome_unknown");
    public static readonly (int Code, string Name) Draining = (402, "draining");
    public static readonly (int Code, string Name) ControlNotEstablished = (403, "control_not_established");
    public static readonly (int Code, string Name) LockTaken = (404, "lock_taken");
    public static readonly (int Code, string Name) NoReply = (405, "no_reply");
    public static readonly (int Code, string Name) NotReached = (406, "not_reached");
    public static readonly (int Code, string Name) Challenged = (420, "challenged");

    // 5xx: the connection is over. 500-509 come back, 510-519 come back elsewhere, 520-529 stay away until a person decides.
    public static readonly (int Code, string Name) ShuttingDown = (500, "shutting_down");
    public static readonly (int Code, string Name) SlowConsumer = (501, "slow_consumer");
    public static readonly (int Code, string Name) IdentityExpired = (502, "identity_expired");
    public static readonly (int Code, string Name) SilentClient = (503, "silent_client");
    public static readonly (int Code, string Name) SocketLimit = (504, "socket_limit");
    public static readonly (int Code, string Name) MovedElsewhere = (510, "moved_elsewhere");
    public static readonly (int Code, string Name) TakenOver = (520, "taken_over");
    public static readonly (int Code, string Name) ForcedOut = (521, "forced_out");
    public static readonly (int Code, string Name) Revoked = (522, "revoked");
    public static readonly (int Code, string Name) ProtocolViolation = (523, "protocol_violation");
    public static readonly (int Code, string Name) Goodbye = (524, "goodbye");
    public static readonly (int Code, string Name) ConnectionReplaced = (525, "connection_replaced");
    public static readonly (int Code, string Name) OpenRefused = (526, "open_refused");
#pragma warning restore CS1591
}
