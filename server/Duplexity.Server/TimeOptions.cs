namespace Duplexity.Server;

/// <summary>Time constants. Tests shorten them.</summary>
public sealed class TimeOptions
{
    /// <summary>How long the oldest waiting delivery of a socket may be queued before it is closed as a slow consumer. Defaults to 10 s.</summary>
    public TimeSpan SocketQueueAge { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Pings to clients. Defaults to 5 s.</summary>
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>A silent client is gone after this. Defaults to 20 s: the pings of a client come every 5 s, three may be lost.</summary>
    public TimeSpan ClientTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>A connection without handshake, or control without Discover, is closed after this. Defaults to 5 s (G24).</summary>
    public TimeSpan Handshake { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a session's pipes outlive its control connection. Defaults to 10 s: a reconnect takes less.</summary>
    public TimeSpan SessionGrace { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a data connection with pipes waits for its control connection. Defaults to 10 s.</summary>
    public TimeSpan ControlWait { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a Discover ticket is good. Defaults to 30 s (G14).</summary>
    public TimeSpan Ticket { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a visitor waits for a carrier, and a carry ticket is good. Defaults to 10 s (G14).</summary>
    public TimeSpan Carry { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How often a node asks the resources of a shared name whether they are well, where their registrations say how; an answer has half of it. Defaults to 5 s: a frozen program costs few visitors their patience, and a check costs a request.</summary>
    public TimeSpan HealthCheck { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a hostname answers 404 when it goes from one client to another, from the end of the former one's pipe. Defaults to 30 s: what nodes and visitors remember of the former one is over by then (G7).</summary>
    public TimeSpan HandOver { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a released name rests before another client may have it. Defaults to 30 days: links and bookmarks of the former owner's are still about (G7).</summary>
    public TimeSpan NameRest { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How often the DNS is asked again whether a custom domain is still proven; one that is not loses its pipes. Defaults to 24 h (G7).</summary>
    public TimeSpan Proof { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long an answer of the DNS is waited for, and asked for twice. Defaults to 2 s.</summary>
    public TimeSpan Dns { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a replay of a visitor's request may take; nobody holds on to end it. Defaults to 2 minutes: slower than what a person waits for.</summary>
    public TimeSpan Replay { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a channel keeps a message. Defaults to 7 days.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>How long what readers acknowledged is gathered before it is written: at most one write for an inbox in this time. What a crash loses of it comes again. Defaults to 0.25 s.</summary>
    public TimeSpan Cursors { get; set; } = TimeSpan.FromSeconds(0.25);

    /// <summary>When a message that was not acknowledged by hand comes again; each further pause is twice as long. Defaults to 10 s.</summary>
    public TimeSpan InboxAgain { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest pause before a message comes again. Defaults to 5 min.</summary>
    public TimeSpan InboxAgainMost { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a sender that wants to know is told that its message was delivered or acknowledged. Defaults to 1 h: a person comes back from a meeting; who is away longer is asked.</summary>
    public TimeSpan Receipt { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How long a message that is claimed from an inbox is one socket's, unless it renews that. Defaults to 30 s, as a lock: a program that died keeps its work from others no longer.</summary>
    public TimeSpan InboxClaim { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an append or a read waits for the disk, before its sender is told that the outcome is unknown. Defaults to 10 s.</summary>
    public TimeSpan Disk { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the fencing tokens and source places that a channel has accepted are kept at least after its last message. Defaults to 30 days: longer than anything that could still come with an old one.</summary>
    public TimeSpan ChannelMarks { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How long an idempotency key, and an idle session's receipts, are kept. Defaults to 24 h (G4).</summary>
    public TimeSpan Idempotency { get; set; } = TimeSpan.FromHours(24);

    /// <summary>When a socket is told that a place moved without a message. Defaults to 5 s (G9).</summary>
    public TimeSpan Advance { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long joins and leaves of a room are gathered before those who watch are told. Defaults to 250 ms: nobody reads faster, and a crowd that comes is a few events (G23).</summary>
    public TimeSpan Presence { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a client whose last socket in a room was lost still counts as there. Defaults to 5 s, as Centrifugo: a reconnect takes less, and does not flap.</summary>
    public TimeSpan Vacated { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a node compares its sockets with the set of who is where, and mends it. Defaults to 30 s (G23).</summary>
    public TimeSpan PresenceCheck { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a node keeps the reason of a session's last end for its Welcome. Defaults to 10 min.</summary>
    public TimeSpan PreviousEnd { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a connection that the server closes has for taking the last event. Defaults to 2 s.</summary>
    public TimeSpan LastWord { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long after a refused Open its connection is closed: the answer goes out first. Defaults to 0.2 s.</summary>
    public TimeSpan AnswerFirst { get; set; } = TimeSpan.FromSeconds(0.2);

    /// <summary>How long an access token that a sign-in, a key or a session gives is good. Defaults to 10 min.</summary>
    public TimeSpan AccessToken { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a sign-in may take. Defaults to 10 min (G1).</summary>
    public TimeSpan SignIn { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a person who signed in at a public pipe is known there. Defaults to 12 h: a working day; what is revoked meanwhile ends it at once.</summary>
    public TimeSpan Visitor { get; set; } = TimeSpan.FromHours(12);

    /// <summary>How long a sign-in lasts that is not used: each refresh prolongs it. Defaults to 30 days.</summary>
    public TimeSpan SignedIn { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How often somebody who waits for a sign-in is told that it is still waited for. Defaults to 15 s: below the idle time-outs of common proxies.</summary>
    public TimeSpan SignInWaiting { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a request to the HTTP API may take to arrive. Defaults to 30 s: the largest one at 35 KB a second.</summary>
    public TimeSpan ApiRequest { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long before its end a client is told to reauthenticate. Defaults to 30 s.</summary>
    public TimeSpan ReauthenticateMargin { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long all gates of one message, or of one listener, may take together. Defaults to 5 s: what is later is refused (400), and the sender tries again.</summary>
    public TimeSpan Gate { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a challenge may be answered, and a message waits behind others that are held. Defaults to 60 s: a person signs in in less.</summary>
    public TimeSpan Hold { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a forced disconnect keeps the disconnected away. Defaults to 5 min (G21).</summary>
    public TimeSpan Block { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How often a node tells the others how much it has to do, and looks who they are. Defaults to 2 s.</summary>
    public TimeSpan NodeNews { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a node waits for another one's answer. Defaults to 5 s: what takes longer is told as unavailable.</summary>
    public TimeSpan NodeCall { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long the answer to a revocation or a forced disconnect waits for the other nodes; the ones that have not confirmed by then are told as pending. Defaults to 2 s: a node that reaches the engine has done it by then (G8).
    /// </summary>
    public TimeSpan Confirm { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long a node that is stopped beside others takes to empty itself at most: half of it for telling its clients, in batches; each has a quarter of it to leave by itself; and what visitors have begun may take all of it. A node without clients and visitors is
    /// through at once. Defaults to 20 s: with what a stop takes besides it stays below the 30 s that Kubernetes waits.
    /// </summary>
    public TimeSpan Drain { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Clock skew allowed in tokens of other issuers; the service's own end on time. Defaults to 30 s (G19).</summary>
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(30);
}
