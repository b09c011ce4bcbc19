using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Duplexity;

/// <summary>The format of hub messages on the wire. Bodies are the same in both.</summary>
public enum WireFormat
{
    /// <summary>Compact and fast; bytes stay bytes. The default.</summary>
    MessagePack,

    /// <summary>Readable in a browser's network tab and by proxies; bytes become base64.</summary>
    Json,
}

/// <summary>How a <see cref="DuplexityConnection"/> behaves. Read once, when the connection is made.</summary>
public sealed record DuplexityConnectionOptions
{
    /// <summary>
    /// Gives the access token; called for every connect and every carrier, so that a reconnect hours later has a fresh one. Must be safe to call from several
    /// threads. Null, or a null result: no token is sent. The token goes to <see cref="DuplexityConnection.Server"/>'s origins only.
    /// What it throws is tried again after a pause, but for a <see cref="DuplexityException"/> with 207: the sign-in is over, and with it the connection.
    /// </summary>
    public Func<CancellationToken, ValueTask<string?>>? Token { get; init; }

    /// <summary>
    /// An API key (<c>dxk_…</c>) in the place of <see cref="Token"/>, for a machine: it is exchanged for tokens at <see cref="DuplexityConnection.Server"/> and nowhere else, and they renew themselves
    /// (<see cref="AccessTokens.ForKey"/>). Defaults to null. With a <see cref="Token"/> as well, the connection is not made: <see cref="ArgumentException"/>.
    /// </summary>
    public string? ApiKey { get; init; }

    /// <summary>
    /// How long a send, a join or another call may take, the reconnects within it included. Defaults to 10 s: long enough for a restart of a node behind a load
    /// balancer, short enough for a person who waits.
    /// </summary>
    public TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a send may wait, beyond <see cref="SendTimeout"/>, for an answer to what a gate asks (<see cref="DuplexityConnection.OnChallenge"/>). Defaults to 5 min: servers give a person 60 s,
    /// and the message may wait behind others.
    /// </summary>
    public TimeSpan HoldTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long one attempt to connect may take, handshakes and first answers included. Defaults to 10 s, as the server waits for a control connection.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest pause between two attempts to reconnect. Defaults to 30 s; pauses double from 0.5 s up to it, each drawn at random between nothing and that.</summary>
    public TimeSpan MaxReconnectDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The level that sends wait for unless <see cref="SendOptions.Level"/> says otherwise. Defaults to <see cref="ReceiptLevel.Stored"/>.</summary>
    public ReceiptLevel DefaultLevel { get; init; } = ReceiptLevel.Stored;

    /// <summary>How bodies are written and read as JSON. Defaults to <see cref="JsonSerializerOptions.Web"/>.</summary>
    public JsonSerializerOptions Json { get; init; } = JsonSerializerOptions.Web;

    /// <summary>
    /// Messages that wait unread in one subscription. When it is full, that channel alone pauses and later catches up from the log. Defaults to 256, a few
    /// hundred KB of usual messages.
    /// </summary>
    public int ReadBuffer { get; init; } = 256;

    /// <summary>From where <see cref="DuplexityConnection.Inbox"/> begins, and who acknowledges. Defaults to null: with the first message that was not acknowledged, and the SDK does.</summary>
    public JoinOptions? Inbox { get; init; }

    /// <summary>Who may send to this socket's own address: false, the default, only the clients that it holds; true: whoever knows its id.</summary>
    public bool DirectFromAnyone { get; init; }

    /// <summary>The format on the wire. Defaults to <see cref="WireFormat.MessagePack"/>.</summary>
    public WireFormat Format { get; init; } = WireFormat.MessagePack;

    /// <summary>Where the connection logs. Defaults to null: nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>The clock of back-offs and time-outs. Defaults to the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The record's name without the key, for logs (G14).</summary>
    public override string ToString() => nameof(DuplexityConnectionOptions);

    /// <summary>These options with a source of tokens, also where they have a key.</summary>
    /// <exception cref="ArgumentException">There are both.</exception>
    internal DuplexityConnectionOptions WithToken(Uri server) => this switch
    {
        { ApiKey: null } => this,
        { Token: null } => this with { Token = AccessTokens.ForKey(server, ApiKey, TimeProvider), ApiKey = null },
        _ => throw new ArgumentException("Token and ApiKey: a connection is made with one of the two."),
    };
}
