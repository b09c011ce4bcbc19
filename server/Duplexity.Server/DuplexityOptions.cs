namespace Duplexity.Server;

/// <summary>
/// Every setting, limit and time constant of a node, each with its default and the reason for it. Bound from the configuration section
/// <c>Duplexity</c>; what <c>AddDuplexity(o => …)</c> sets wins. Read once at start.
/// </summary>
public sealed class DuplexityOptions
{
    /// <summary>The configuration section: <c>Duplexity</c>.</summary>
    public const string Section = "Duplexity";

    /// <summary>
    /// The service's own public address, such as <c>https://hub.example.org</c>: its host is a service host, and it is the issuer of the tokens that
    /// the service makes. Defaults to null: <c>http://localhost:5080</c> as issuer, and loopback names and IP literals as the only service hosts.
    /// </summary>
    public Uri? Url { get; set; }

    /// <summary>
    /// Browser origins that may use the hubs from pages of other origins, such as <c>https://app.example.org</c>; <c>*</c> is refused.
    /// Defaults to none outside Development, where any origin on a loopback host may. Requests without an Origin, which no browser page can send, always may.
    /// </summary>
    public IList<string> Origins { get; } = [];

    /// <summary>Addresses or networks (CIDR) whose X-Forwarded-For is believed. Defaults to none: a visitor's address is its connection's.</summary>
    public IList<string> TrustedProxies { get; } = [];

    /// <summary>
    /// The folder for what must outlive the process (messages, revocations, keys, users), relative to the content root; made at start. One running node uses a folder. Empty: memory only.
    /// Defaults to <c>data</c>.
    /// </summary>
    public string Data { get; set; } = "data";

    /// <summary>
    /// What <c>stored</c> means here: <c>fsynced</c> (a message with a receipt survives a power loss), <c>written</c> (it survives the death of the process) or <c>accepted</c> (messages are in memory
    /// only; the data folder keeps the rest). Defaults to null: <c>fsynced</c> with a data folder, because a receipt should mean something; <c>accepted</c> without.
    /// </summary>
    public string? Durability { get; set; }

    /// <summary>
    /// The application's own authentication scheme, such as <c>Cookies</c>: whoever it knows gets a Duplexity token from <c>POST /auth/session</c>. Defaults to null: none.
    /// No cookie ever authenticates a hub (G5).
    /// </summary>
    public string? Scheme { get; set; }

    /// <summary>
    /// What clients of a role may do (claim <c>role</c> or <c>roles</c>), by the role's name; <c>*</c> is everybody's. A client of several roles has what any of them gives. Defaults to none: the table in the README.
    /// </summary>
    public IDictionary<string, Allowances> Allowances { get; } = new Dictionary<string, Allowances>();

    /// <summary>What rooms are like, by a pattern of their names (without <c>room:</c>). Defaults to none.</summary>
    public IDictionary<string, RoomOptions> Rooms { get; } = new Dictionary<string, RoomOptions>();

    /// <summary>Gates in any language, asked over HTTP, by the name that a refused sender is told; behind those that the application added in code, in the order of their names. Defaults to none.</summary>
    public IDictionary<string, HttpGateOptions> Gates { get; } = new Dictionary<string, HttpGateOptions>();

    /// <summary>What services hear and administrators trace.</summary>
    public AnnouncementOptions Announcements { get; } = new();

    /// <summary>Message pipes that clients configure.</summary>
    public MessagePipeOptions MessagePipes { get; } = new();

    /// <summary>Public pipes.</summary>
    public PipesOptions Pipes { get; } = new();

    /// <summary>This node.</summary>
    public NodeOptions Node { get; } = new();

    /// <summary>Whose tokens are accepted.</summary>
    public AuthOptions Auth { get; } = new();

    /// <summary>Queues, sizes and counts.</summary>
    public LimitOptions Limits { get; } = new();

    /// <summary>Time constants.</summary>
    public TimeOptions Times { get; } = new();
}

/// <summary>Where public pipes live.</summary>
public sealed class PipesOptions
{
    /// <summary>
    /// Scheme, wildcard domain and port that visitors use. Defaults to <c>http://*.localhost:5080</c>: every *.localhost name is this machine in curl and
    /// browsers, so that a pipe works without any DNS. A port of 0 stands for the port that the server listens on (tests).
    /// </summary>
    public string Url { get; set; } = "http://*.localhost:5080";

    /// <summary>The first and last TCP port that pipes may have. Defaults to <c>7000-7099</c>, as frp's examples do; empty: no TCP pipes.</summary>
    public string Ports { get; set; } = "7000-7099";

    /// <summary>Roles whose clients may register public pipes of any name; <c>*</c> is everybody who is signed in. Defaults to none outside Development, to <c>*</c> there.</summary>
    public IList<string> Publish { get; } = [];

    /// <summary>The address that TCP pipes listen on. Defaults to null: loopback in Development, any address elsewhere.</summary>
    public string? ListenAddress { get; set; }
}

/// <summary>Whose tokens are accepted, and how a client is read out of one.</summary>
public sealed class AuthOptions
{
    /// <summary>The keys of issuers, by a name of the operator's choice: <c>Duplexity:Auth:Keys:shop:Issuer</c> and so on. Defaults to none.</summary>
    public IDictionary<string, IssuerKey> Keys { get; } = new Dictionary<string, IssuerKey>();

    /// <summary>
    /// Whether people sign in at the service's own OpenID provider, for those who have none: its pages lie below <c>/openid</c>, its users in the data folder. Defaults to false; <c>AddOpenId()</c>
    /// sets it. Then <see cref="Oidc"/> names no other provider.
    /// </summary>
    public bool Embedded { get; set; }

    /// <summary>The OpenID provider by which people sign in; without an authority there is none.</summary>
    public OidcOptions Oidc { get; } = new();

    /// <summary>Put before the clients of <see cref="DuplexityOptions.Scheme"/>. Needed as soon as there is another issuer (G19).</summary>
    public string? SchemePrefix { get; set; }

    /// <summary>
    /// What the service signs its own tokens with: a private key (RSA of 2,048 bits or more, or EC) as PEM text or the path of a PEM file, or a secret of at least
    /// 32 bytes in UTF-8. Defaults to null: a key drawn at start and kept in memory only, so that the service's own tokens end with the process.
    /// </summary>
    public string? SigningKey { get; set; }

    /// <summary>What a token's <c>aud</c> must be. Defaults to <c>duplexity</c>.</summary>
    public string Audience { get; set; } = "duplexity";

    /// <summary>The claim that is the CID. Defaults to <c>sub</c>; a mutable one (<c>email</c>, <c>preferred_username</c>, <c>name</c>) is refused at start (G19).</summary>
    public string CidClaim { get; set; } = "sub";

    /// <summary>The role (claim <c>role</c> or <c>roles</c>) that may administer. Defaults to <c>admin</c>.</summary>
    public string AdminRole { get; set; } = "admin";
}

/// <summary>An OpenID provider: <c>Duplexity:Auth:Oidc</c>.</summary>
public sealed class OidcOptions
{
    /// <summary>The provider's address, as its tokens' <c>iss</c> says it: https, or http on a loopback address. Defaults to null: no sign-in by a provider.</summary>
    public string? Authority { get; set; }

    /// <summary>This service's client id at the provider. Its redirect address is <c>{Duplexity:Url}/auth/callback</c>.</summary>
    public string? ClientId { get; set; }

    /// <summary>This service's secret at the provider; null for a public client. PKCE is used either way.</summary>
    public string? ClientSecret { get; set; }

    /// <summary>What is asked for, separated by blanks. Defaults to <c>openid offline_access</c>: with the second the provider is asked again at each refresh whether the person may still sign in.</summary>
    public string Scopes { get; set; } = "openid offline_access";

    /// <summary>A claim of the ID token that has the person's roles, beside <c>role</c> and <c>roles</c>. Defaults to null.</summary>
    public string? RolesClaim { get; set; }

    /// <summary>Put before the provider's clients. Needed as soon as there is another issuer (G19).</summary>
    public string? Prefix { get; set; }

    /// <summary>Whether all of this was filled in by the embedded provider, for itself.</summary>
    internal bool IsEmbedded { get; set; }
}

/// <summary>One issuer of tokens and the key that it signs with.</summary>
public sealed class IssuerKey
{
    /// <summary>The token's <c>iss</c>. Needed: a key is bound to its issuer, and signs for no other.</summary>
    public string? Issuer { get; set; }

    /// <summary>A shared secret for HMAC-SHA256, at least 32 bytes in UTF-8. One of Secret, Pem and Jwks.</summary>
    public string? Secret { get; set; }

    /// <summary>A public key (RSA of 2,048 bits or more, or EC) as PEM text or the path of a PEM file.</summary>
    public string? Pem { get; set; }

    /// <summary>The https address of a JSON web key set (http on a loopback address only). Fetched when a token names an unknown key, at most once a minute.</summary>
    public string? Jwks { get; set; }

    /// <summary>Put before this issuer's CIDs, so that those of two issuers never collide. Needed as soon as there are two issuers (G19).</summary>
    public string? Prefix { get; set; }
}

/// <summary>Bounds. All are per node.</summary>
public sealed class LimitOptions
{
    /// <summary>What waits for one socket at most, in bytes, before it is closed as a slow consumer. Defaults to 1 MiB, as Centrifugo.</summary>
    public int SocketQueueBytes { get; set; } = 1024 * 1024;

    /// <summary>Invocations of one data connection that run at once. Defaults to 64: with one, a socket is as slow as one commit (measured: 3.2 s against 0.11 s).</summary>
    public int InvocationsPerSocket { get; set; } = 64;

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

    /// <summary>Sockets of one client. Defaults to 100.</summary>
    public int SocketsPerClient { get; set; } = 100;

    /// <summary>Pipes of one session. Defaults to 100.</summary>
    public int PipesPerSession { get; set; } = 100;

    /// <summary>Messages that a channel keeps. Defaults to 10,000.</summary>
    public int MessagesPerChannel { get; set; } = 10_000;

    /// <summary>Bytes of messages (bodies and headers) that a channel keeps; the newest message stays whatever its size. Defaults to 64 MiB: 10,000 messages of 6.5 KB, so that only channels of large ones notice.</summary>
    public long BytesPerChannel { get; set; } = 64 * 1024 * 1024;

    /// <summary>Bytes of recent messages of a log on disk that are held in memory for readers, over all channels, the least recently used channel out first. Defaults to 64 MiB.</summary>
    public long TailBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>Appends that wait for the disk; one more is refused as unavailable. Defaults to 10,000: what a slow disk takes in seconds.</summary>
    public int AppendsWaiting { get; set; } = 10_000;

    /// <summary>Bytes of messages that wait for the disk. Defaults to 64 MiB.</summary>
    public long AppendBytesWaiting { get; set; } = 64 * 1024 * 1024;

    /// <summary>Locks whose highest fencing token a channel remembers, the least recently shown out first. Defaults to 1,000: more than one channel's writers take in turns.</summary>
    public int LocksPerChannel { get; set; } = 1_000;

    /// <summary>Edges of cooked pipes whose source place a channel remembers, the least recently used out first. Defaults to 1,000.</summary>
    public int SourcesPerChannel { get; set; } = 1_000;

    /// <summary>Carriers of one pipe at once; further visitors wait, bounded. Defaults to 256.</summary>
    public int CarriersPerPipe { get; set; } = 256;

    /// <summary>Visitor connections of one pipe that wait for a carrier. Defaults to 1,000; then 503.</summary>
    public int CarriesWaitingPerPipe { get; set; } = 1_000;

    /// <summary>Idempotency keys that applications choose, kept per client. Defaults to 10,000, oldest out first (G4).</summary>
    public int IdempotencyKeysPerClient { get; set; } = 10_000;

    /// <summary>Receipts kept per session and channel log for repeated sends. Defaults to 256 (G4).</summary>
    public int ReceiptsPerSession { get; set; } = 256;

    /// <summary>Messages of one socket that wait for an answer to a challenge, and behind those; one more is refused. Defaults to 100 (G11).</summary>
    public int HeldMessages { get; set; } = 100;

    /// <summary>Wrong answers to one challenge; with the last one what was held is refused. Defaults to 3, as cash machines.</summary>
    public int ChallengeAttempts { get; set; } = 3;

    /// <summary>How often gates may send one message on, one after the other. Defaults to 8: what is longer is a circle.</summary>
    public int Redirects { get; set; } = 8;

    /// <summary>Calls of one connection that cannot be read or name no method; one more closes it. Defaults to 20 (G24).</summary>
    public int ProtocolErrors { get; set; } = 20;
}

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

    /// <summary>How long a channel keeps a message. Defaults to 7 days.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>How long an append or a read waits for the disk, before its sender is told that the outcome is unknown. Defaults to 10 s.</summary>
    public TimeSpan Disk { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the fencing tokens and source places that a channel has accepted are kept at least after its last message. Defaults to 30 days: longer than anything that could still come with an old one.</summary>
    public TimeSpan ChannelMarks { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How long an idempotency key, and an idle session's receipts, are kept. Defaults to 24 h (G4).</summary>
    public TimeSpan Idempotency { get; set; } = TimeSpan.FromHours(24);

    /// <summary>When a socket is told that a place moved without a message. Defaults to 5 s (G9).</summary>
    public TimeSpan Advance { get; set; } = TimeSpan.FromSeconds(5);

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

    /// <summary>How long a sign-in lasts that is not used: each refresh prolongs it. Defaults to 30 days.</summary>
    public TimeSpan SignedIn { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How often somebody who waits for a sign-in is told that it is still waited for. Defaults to 15 s: below the idle time-outs of common proxies.</summary>
    public TimeSpan SignInWaiting { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long before its end a client is told to reauthenticate. Defaults to 30 s.</summary>
    public TimeSpan ReauthenticateMargin { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long all gates of one message, or of one listener, may take together. Defaults to 5 s: what is later is refused (400), and the sender tries again.</summary>
    public TimeSpan Gate { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a challenge may be answered, and a message waits behind others that are held. Defaults to 60 s: a person signs in in less.</summary>
    public TimeSpan Hold { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a forced disconnect keeps the disconnected away. Defaults to 5 min (G21).</summary>
    public TimeSpan Block { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Clock skew allowed in tokens of other issuers; the service's own end on time. Defaults to 30 s (G19).</summary>
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(30);
}
