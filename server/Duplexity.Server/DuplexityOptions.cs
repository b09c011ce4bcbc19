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
    /// What the process is for: <c>front</c>, the visitors of public pipes, and <c>backend</c>, everything else. One that is a front alone asks the nodes for all that it has to know (<see cref="Front"/>), and has no engine. Defaults to both, <c>front,backend</c>.
    /// </summary>
    public string Roles { get; set; } = $"{NodeRoles.Front},{NodeRoles.Backend}";

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

    /// <summary>Whether another engine than the embedded one keeps the messages, so that no data folder has to.</summary>
    internal bool LogIsElsewhere { get; set; }

    /// <summary>Whether this is a front and nothing else.</summary>
    internal bool IsFront => NodeRoles.IsFrontAlone(Roles);

    /// <summary>Whether visitors are served here.</summary>
    internal bool ServesVisitors => NodeRoles.Read(Roles).Contains(NodeRoles.Front);

    /// <summary>
    /// The application's own authentication scheme, such as <c>Cookies</c>: whoever it knows gets a Duplexity token from <c>POST /auth/session</c>. Defaults to null: none.
    /// No cookie ever authenticates a hub (G5).
    /// </summary>
    public string? Scheme { get; set; }

    /// <summary>
    /// What clients of a role may do (claim <c>role</c> or <c>roles</c>), by the role's name; <c>*</c> is everybody's. A client of several roles has what any of them gives. Defaults to none: the table in the README.
    /// </summary>
    public IDictionary<string, Allowances> Allowances { get; } = new Dictionary<string, Allowances>();

    /// <summary>
    /// What rooms are like and who may do what in them, by a pattern of their names (<c>lobby</c>, <c>board-*</c>, <c>*</c>), without <c>room:</c>. Defaults to none: every room is open to
    /// everybody whose allowances cover it.
    /// </summary>
    public IDictionary<string, RoomOptions> Rooms { get; } = new Dictionary<string, RoomOptions>();

    /// <summary>Who may follow whom.</summary>
    public FeedOptions Feeds { get; } = new();

    /// <summary>Gates in any language, asked over HTTP, by the name that a refused sender is told; behind those that the application added in code, in the order of their names. Defaults to none.</summary>
    public IDictionary<string, HttpGateOptions> Gates { get; } = new Dictionary<string, HttpGateOptions>();

    /// <summary>What services hear and administrators trace.</summary>
    public AnnouncementOptions Announcements { get; } = new();

    /// <summary>Message pipes that clients configure.</summary>
    public MessagePipeOptions MessagePipes { get; } = new();

    /// <summary>Public pipes.</summary>
    public PipesOptions Pipes { get; } = new();

    /// <summary>Requests that are kept while a pipe's client is away.</summary>
    public QueueOptions Queue { get; } = new();

    /// <summary>This node.</summary>
    public NodeOptions Node { get; } = new();

    /// <summary>Where a front asks.</summary>
    public FrontOptions Front { get; } = new();

    /// <summary>What nodes prove themselves with to each other.</summary>
    public ClusterOptions Cluster { get; } = new();

    /// <summary>Whose tokens are accepted.</summary>
    public AuthOptions Auth { get; } = new();

    /// <summary>Lockspaces and locks.</summary>
    public LockOptions Locks { get; } = new();

    /// <summary>Queues, sizes and counts.</summary>
    public LimitOptions Limits { get; } = new();

    /// <summary>Time constants.</summary>
    public TimeOptions Times { get; } = new();
}
