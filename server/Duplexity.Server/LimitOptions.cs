namespace Duplexity.Server;

/// <summary>Bounds. All are per node.</summary>
public sealed class LimitOptions
{
    /// <summary>Connections that came in here and are handed on to the node that they name, at once. Defaults to 20,000: two sockets of the operating system each.</summary>
    public int Forwarded { get; set; } = 20_000;

    /// <summary>What waits for one socket at most, in bytes, before it is closed as a slow consumer. Defaults to 1 MiB, as Centrifugo.</summary>
    public int SocketQueueBytes { get; set; } = 1024 * 1024;

    /// <summary>Invocations of one data connection that run at once. Defaults to 64: with one, a socket is as slow as one commit (measured: 3.2 s against 0.11 s).</summary>
    public int InvocationsPerSocket { get; set; } = 64;

    /// <summary>Pages (of history, presence, dead letters) that are read for one socket at once and wait for it to take them; further calls wait. Defaults to 4: of 1 MiB at most each, while small ones follow each other at once.</summary>
    public int AnswersPerSocket { get; set; } = 4;

    /// <summary>Clients that one socket may hold. Defaults to 16: a person's accounts, not a directory.</summary>
    public int IdentitiesPerSocket { get; set; } = 16;

    /// <summary>Sign-ins that wait for a person, on this node. Defaults to 1,000 (G24).</summary>
    public int SignIns { get; set; } = 1_000;

    /// <summary>Sign-ins that wait for a person, from one address. Defaults to 10 (G24).</summary>
    public int SignInsPerAddress { get; set; } = 10;

    /// <summary>API keys of one client. Defaults to 100.</summary>
    public int KeysPerClient { get; set; } = 100;

    /// <summary>Channels that one socket may listen to. Defaults to 128, as Centrifugo.</summary>
    public int ChannelsPerSocket { get; set; } = 128;

    /// <summary>Rooms and other channels that one client may bring into being within an hour: by a message or a join where nobody was, or by hand. Defaults to 100 (G24).</summary>
    public int NewChannelsPerHour { get; set; } = 100;

    /// <summary>Rooms that one client may own, made by hand. Defaults to 1,000: they are kept on disk.</summary>
    public int RoomsPerOwner { get; set; } = 1_000;

    /// <summary>The most joins and leaves of one PresenceChanged; more of them, and those who watch are told counts only and ask. Defaults to 1,000 (G23).</summary>
    public int PresenceChanges { get; set; } = 1_000;

    /// <summary>Sockets of one client. Defaults to 100.</summary>
    public int SocketsPerClient { get; set; } = 100;

    /// <summary>Control connections of one client. Defaults to 100: one for each of its sockets (G24).</summary>
    public int ControlConnectionsPerClient { get; set; } = 100;

    /// <summary>Pipes of one session. Defaults to 100.</summary>
    public int PipesPerSession { get; set; } = 100;

    /// <summary>Names that one client may reserve. Defaults to 20: kept from everybody else while nothing serves them.</summary>
    public int NamesPerClient { get; set; } = 20;

    /// <summary>Refusals within a minute of names that are another client's, before one client is told of none that are not its own. Defaults to 10 (G25).</summary>
    public int NameClaims { get; set; } = 10;

    /// <summary>Messages that a channel keeps. Defaults to 10,000.</summary>
    public int MessagesPerChannel { get; set; } = 10_000;

    /// <summary>Bytes of messages (bodies and headers) that a channel keeps; the newest message stays whatever its size. Defaults to 64 MiB: 10,000 messages of 6.5 KB, so that only channels of large ones notice.</summary>
    public long BytesPerChannel { get; set; } = 64 * 1024 * 1024;

    /// <summary>Messages that may wait unacknowledged in an inbox; one more is refused, and one sender may fill a tenth (G22). Defaults to 10,000, as a channel keeps.</summary>
    public int InboxMessages { get; set; } = 10_000;

    /// <summary>Bytes of messages (bodies and headers) that may wait unacknowledged in an inbox; one sender may fill a tenth. Defaults to 64 MiB, as a channel keeps.</summary>
    public long InboxBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>Readers that an inbox has, the one without a name included. Defaults to 17: 16 devices that name themselves (G22).</summary>
    public int InboxReaders { get; set; } = 17;

    /// <summary>Messages that a reader that acknowledges by hand, or all who claim from it, may have in hand; further ones wait. Defaults to 256, as a client's read buffer.</summary>
    public int InboxWindow { get; set; } = 256;

    /// <summary>How often a message is offered to a reader that acknowledges by hand before it becomes a dead letter. Defaults to 5: with the pauses, some three minutes.</summary>
    public int InboxAttempts { get; set; } = 5;

    /// <summary>Messages of one client that wait to be delivered or acknowledged because their sender wants to be told; one more is refused. Defaults to 1,000: some 500 KB.</summary>
    public int AwaitedReceipts { get; set; } = 1_000;

    /// <summary>Dead letters that an inbox keeps, oldest out first. Defaults to 1,000.</summary>
    public int DeadLetters { get; set; } = 1_000;

    /// <summary>Bytes of recent messages of a log on disk that are held in memory for readers, over all channels, the least recently used channel out first. Defaults to 64 MiB.</summary>
    public long TailBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>
    /// Appends of clients that wait for the disk; one more is refused as unavailable, and one client may have a tenth of them (G24). The service's own have as much again. Defaults to 10,000: what a slow disk takes in seconds.
    /// </summary>
    public int AppendsWaiting { get; set; } = 10_000;

    /// <summary>Bytes of clients' messages that wait for the disk; one client may have a tenth, and one message always goes. Defaults to 64 MiB.</summary>
    public long AppendBytesWaiting { get; set; } = 64 * 1024 * 1024;

    /// <summary>Changes of records of one kind (locks, revocations, rooms) that wait for the disk; one more is refused as unavailable. Defaults to 2,000: what a slow disk takes in a second.</summary>
    public int RecordsWaiting { get; set; } = 2_000;

    /// <summary>Bytes of changes of records of one kind that wait for the disk. Defaults to 16 MiB.</summary>
    public long RecordBytesWaiting { get; set; } = 16 * 1024 * 1024;

    /// <summary>Locks whose highest fencing token a channel remembers, the least recently shown out first. Defaults to 1,000: more than one channel's writers take in turns.</summary>
    public int LocksPerChannel { get; set; } = 1_000;

    /// <summary>Edges of cooked pipes whose source place a channel remembers, the least recently used out first. Defaults to 1,000.</summary>
    public int SourcesPerChannel { get; set; } = 1_000;

    /// <summary>Carriers of one pipe at once; further visitors wait, bounded. Defaults to 256.</summary>
    public int CarriersPerPipe { get; set; } = 256;

    /// <summary>
    /// Carriers to one resource of a pipe that wait for visitors at a node, brought ahead of them where carriers are not used again (TCP, WebSockets, HTTP/1.1 with <c>per-visitor</c>): as many as such visitors came in half a minute, for five minutes. Defaults to 4: a page's handful; 0: none.
    /// </summary>
    public int WarmCarriersPerPipe { get; set; } = 4;

    /// <summary>Visitor connections of one pipe that wait for a carrier. Defaults to 1,000; then 503.</summary>
    public int CarriesWaitingPerPipe { get; set; } = 1_000;

    /// <summary>Sessions of one client that may share a public name; one more is refused. Defaults to 32: each is asked whether it is well whenever a visitor comes.</summary>
    public int SessionsPerPipe { get; set; } = 32;

    /// <summary>Connections that one client may have to private pipes at this node; one more is answered 429. Defaults to 256, as many as one pipe carries.</summary>
    public int DialsPerClient { get; set; } = 256;

    /// <summary>Requests and connections of visitors from one address at once, of IPv6 from one network of 64 bits; one more is answered 429. Defaults to 1,000: a company behind one address (G24).</summary>
    public int VisitorsPerAddress { get; set; } = 1_000;

    /// <summary>Requests and connections of visitors at one pipe at once; one more is answered 429. Defaults to 10,000 (G24).</summary>
    public int VisitorsPerPipe { get; set; } = 10_000;

    /// <summary>Grants of visits that one client has given and that are in force. Defaults to 1,000: a class or a conference, not a directory.</summary>
    public int GrantsPerClient { get; set; } = 1_000;

    /// <summary>Bytes of exchanges that are kept of one public pipe that is inspected, the oldest out first. Defaults to 4 MiB: some thousand calls of an API, or the last 30 large ones (G24).</summary>
    public long InspectorBytesPerPipe { get; set; } = 4 * 1024 * 1024;

    /// <summary>Bytes of exchanges of all inspected pipes, those included that have not ended yet, which may have a quarter. The oldest are out first. Defaults to 256 MiB (G24).</summary>
    public long InspectorBytes { get; set; } = 256 * 1024 * 1024;

    /// <summary>Bytes of each body of an exchange that are kept. Defaults to 64 KiB: whole webhooks and calls, the begin of pages.</summary>
    public int InspectorBodyBytes { get; set; } = 64 * 1024;

    /// <summary>Replays of one pipe's exchanges that run at once. Defaults to 16: they are asked for by hand.</summary>
    public int ReplaysPerPipe { get; set; } = 16;

    /// <summary>Idempotency keys that applications choose, kept per client. Defaults to 10,000, oldest out first (G4).</summary>
    public int IdempotencyKeysPerClient { get; set; } = 10_000;

    /// <summary>Receipts kept per session and channel log for repeated sends. Defaults to 256 (G4).</summary>
    public int ReceiptsPerSession { get; set; } = 256;

    /// <summary>Requests of one client to the HTTP API that run at once; one more is answered 429. Defaults to 256: as many as four sockets' invocations.</summary>
    public int ApiRequestsPerClient { get; set; } = 256;

    /// <summary>Bytes of request bodies and of pages (history, presence, inbox, dead letters; 1 MiB each) that the HTTP API holds at once, a tenth of them for one client, which is answered 429 beyond it; all beyond the whole are answered 503. Defaults to 128 MiB: twelve pages or full batches of one client at once.</summary>
    public long ApiBytes { get; set; } = 128 * 1024 * 1024;

    /// <summary>Clients whose use of the HTTP API is counted at once, those with a rate for a window; a further one is answered 503. Defaults to 100,000: some ten megabytes.</summary>
    public int ApiClients { get; set; } = 100_000;

    /// <summary>Messages of one socket that wait for an answer to a challenge, and behind those; one more is refused. Defaults to 100 (G11).</summary>
    public int HeldMessages { get; set; } = 100;

    /// <summary>Wrong answers to one challenge; with the last one what was held is refused. Defaults to 3, as cash machines.</summary>
    public int ChallengeAttempts { get; set; } = 3;

    /// <summary>How often gates may send one message on, one after the other. Defaults to 8: what is longer is a circle.</summary>
    public int Redirects { get; set; } = 8;

    /// <summary>Calls of one connection that cannot be read or name no method; one more closes it. Defaults to 20 (G24).</summary>
    public int ProtocolErrors { get; set; } = 20;
}
