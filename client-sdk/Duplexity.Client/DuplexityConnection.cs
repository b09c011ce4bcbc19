using System.Security.Cryptography;
using Duplexity.Carriers;
using Duplexity.Links;
using Duplexity.Locking;
using Duplexity.Protocol;
using Duplexity.Reading;
using Duplexity.Sending;
using Duplexity.Watching;
using Microsoft.Extensions.Logging.Abstractions;

namespace Duplexity;

/// <summary>
/// One socket of a client, held open and restored after every loss: messages, rooms, feeds, the own inbox, and public pipes. A second connection, for pipes and
/// administration, opens when it is first needed. Thread-safe.
/// </summary>
public sealed partial class DuplexityConnection : IAsyncDisposable
{
    private readonly ConnectionLoop _loop;
    private readonly Restorer _restorer;
    private readonly Listening _listening;
    private readonly Outbox _outbox;
    private readonly PipeDesk _pipes;
    private readonly Calls<DataLink> _data;
    private readonly LockDesk _locks;
    private readonly ControlCalls _control;
    private readonly Challenges _challenges;

    /// <summary>Prepares a connection; nothing is opened yet.</summary>
    /// <param name="server">The service's address, prefix included, such as <c>https://hub.example.org</c>.</param>
    /// <param name="options">See <see cref="DuplexityConnectionOptions"/>.</param>
    /// <exception cref="ArgumentException">The address is none, or the options have both a token and a key.</exception>
    public DuplexityConnection(Uri server, DuplexityConnectionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(server);
        if (!server.IsAbsoluteUri || server.Scheme is not ("http" or "https"))
        {
            throw new ArgumentException("The server's address begins with http:// or https://.", nameof(server));
        }

        Server = server;
        Options = (options ?? new DuplexityConnectionOptions()).WithToken(server);
        ArgumentOutOfRangeException.ThrowIfLessThan(Options.ReadBuffer, 1, nameof(options));
        var logger = (Options.LoggerFactory ?? NullLoggerFactory.Instance).CreateLogger("Duplexity.Client");

        // Drawn once for each connection and kept over its reconnects: what makes a hand-over of a takeover, and a repeated send of a new one (G4, G21).
        var session = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        _outbox = new Outbox(session, Options);
        _pipes = new PipeDesk(logger);
        var listeners = new Listeners();
        var watches = new WatchDesk(Options);
        var added = new ControlIdentities(session, _pipes, watches, Options, logger);
        _restorer = new Restorer(new Dialer(server, session, Options), server, Options, listeners, _outbox, _pipes, watches, added);
        _loop = new ConnectionLoop(_restorer, server, Options, logger);
        _loop.StateChanged += change => StateChanged?.Invoke(change);
        _loop.Closing += End;
        _data = new Calls<DataLink>(_restorer.Data, Options);
        _control = new ControlCalls(this, new Calls<ControlLink>(_restorer.Control, Options), added);
        Identities = new Identities(this, _data, added, logger);
        (_restorer.Identities, _restorer.Again, _pipes.TokenOf) = (Identities, _loop.Nudge, Identities.SourceOf);
        _challenges = new Challenges(Identities, Options.TimeProvider, logger);
        _restorer.Challenges = _challenges;
        _restorer.Locks = _locks = new LockDesk(_data, Options);
        _restorer.Lockspaces = Lockspaces = new Lockspaces(_control);
        Sockets = new Sockets(_control, watches);
        Allowances = new LiveAllowances(this);
        MessagePipes = new MessagePipes(_control);
        Pipes = new Pipes(this, _pipes, _control, watches);
        Rooms = new Rooms(_control);
        Names = new Names(_control);
        Followers = new Followers(_control);
        _listening = new Listening(this, listeners, _restorer, logger);
    }

    /// <summary>The service's address.</summary>
    public Uri Server { get; }

    /// <summary>
    /// Raised at each step, and at each further attempt while <see cref="ConnectionState.Reconnecting"/>; one at a time, on a thread that waits for it: be brief. An exception is logged.
    /// </summary>
    public event Action<ConnectionStateChange>? StateChanged;

    /// <summary>Where the connection stands.</summary>
    public ConnectionState State => _loop.State;

    /// <summary>Completes once, when the connection is over for good: kicked, taken over, revoked, or disposed. Never faults.</summary>
    public Task<CloseReason> Closed => _loop.Closed;

    /// <summary>The SOCK_ID: fresh with each reconnect.</summary>
    /// <exception cref="InvalidOperationException">The connection was never ready.</exception>
    public string SocketId => WasReady ? _restorer.SocketId : throw NeverReady();

    /// <summary>The client that the connection acts as, by its token; the same for its whole life.</summary>
    /// <exception cref="InvalidOperationException">The connection was never ready.</exception>
    public string Client => WasReady ? _restorer.Client! : throw NeverReady();

    /// <summary>The clients that this connection holds: its own, and those that were added.</summary>
    public Identities Identities { get; }

    /// <summary>The sockets of the clients that this connection holds. The first use opens the control connection.</summary>
    public Sockets Sockets { get; }

    /// <summary>What each client may do from this connection's socket, and how much of it it uses. The first use opens the control connection.</summary>
    public LiveAllowances Allowances { get; }

    /// <summary>Public names that the client keeps for itself. The first use opens the control connection.</summary>
    public Names Names { get; }

    /// <summary>Rooms by hand. The first use opens the control connection.</summary>
    public Rooms Rooms { get; }

    /// <summary>Who may follow this client. The first use opens the control connection.</summary>
    public Followers Followers { get; }

    /// <summary>Public pipes. The first use opens the control connection.</summary>
    public Pipes Pipes { get; }

    /// <summary>Pipes that carry messages between channels. The first use opens the control connection.</summary>
    public MessagePipes MessagePipes { get; }

    /// <summary>What is sent to this client and this socket; listened to from its first use on.</summary>
    /// <exception cref="InvalidOperationException">The connection was never ready.</exception>
    public Inbox Inbox => WasReady ? _listening.Inbox : throw NeverReady();

    internal DuplexityConnectionOptions Options { get; }

    internal bool WasReady => _loop.WasReady;

    /// <summary>
    /// Opens the connection, and with it the pipes that were declared. Returns when it is ready; fails at once where the server cannot be reached or refuses, and may then be called again.
    /// From then on losses heal by themselves.
    /// </summary>
    /// <exception cref="DuplexityException"><see cref="ErrorKind.Denied"/>: the token is not accepted. <see cref="ErrorKind.Unavailable"/>: there is no such service, or not now. Or a pipe was refused.</exception>
    /// <exception cref="InvalidOperationException">It was opened before.</exception>
    public Task ConnectAsync(CancellationToken ct = default) => _loop.StartAsync(ct);

    /// <summary>Joins a room, at the place that <paramref name="options"/> say; disposing the result leaves it. One subscription of a channel at a time.</summary>
    /// <param name="room">The room's name, without <c>room:</c>.</param>
    /// <param name="options">Where to begin; null: now.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    /// <exception cref="FormatException">The name cannot be a room's.</exception>
    /// <exception cref="InvalidOperationException">This connection has joined the room already; use that <see cref="Room"/>, or dispose it first.</exception>
    public async Task<Room> JoinAsync(string room, JoinOptions? options = null, CancellationToken ct = default)
    {
        _ = Client; // before the connection was ready there is nothing to join
        var (listener, observers) = await _listening.JoinAsync(Address.Room(room), AsPrimary(options), ct).ConfigureAwait(false);
        return new Room(this, listener, observers);
    }

    /// <summary>Follows what a client emits; disposing the result stops that. One subscription of a channel at a time.</summary>
    /// <param name="client">The CID.</param>
    /// <param name="options">Where to begin; null: now.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    /// <exception cref="FormatException">The name cannot be a CID.</exception>
    /// <exception cref="InvalidOperationException">This connection follows the client already; use that <see cref="Feed"/>, or dispose it first.</exception>
    public async Task<Feed> FollowAsync(string client, JoinOptions? options = null, CancellationToken ct = default)
    {
        _ = Client; // as above
        var (listener, observers) = await _listening.JoinAsync(Address.Feed(client), AsPrimary(options), ct).ConfigureAwait(false);
        return new Feed(this, listener, observers);
    }

    /// <summary>
    /// Sends to one destination. <typeparamref name="T"/>: a string is text, <c>byte[]</c> and <c>ReadOnlyMemory&lt;byte&gt;</c> are bytes, all else is JSON with the name of T as its type.
    /// Sends are stored in the order of their calls, awaited or not. One that meets a lost connection is repeated after the reconnect and stored once; after
    /// <see cref="DuplexityConnectionOptions.SendTimeout"/> it fails with <see cref="Errors.OutcomeUnknown"/> if it may have been stored.
    /// </summary>
    /// <exception cref="DuplexityException">It was refused, or its outcome is not known.</exception>
    public Task<Receipt> SendAsync<T>(Address to, T body, SendOptions? options = null, CancellationToken ct = default) => SendAsync([to], body, options, ct);

    /// <summary>Sends to 1 to 100 destinations, all in one step; see the other overload. The receipt names those that did not take the message, if some did.</summary>
    /// <exception cref="DuplexityException">No destination took it, or its outcome is not known.</exception>
    public Task<Receipt> SendAsync<T>(IReadOnlyCollection<Address> to, T body, SendOptions? options = null, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(to);
        return SendAsync(new SendRequest { To = [.. to.Select(a => a.ToString())] }, body, options, ct);
    }

    /// <summary>Sends without a destination: to the client's followers, its other sockets, and the rooms that this socket has joined. Otherwise as the sends.</summary>
    /// <exception cref="DuplexityException">It was refused, or its outcome is not known.</exception>
    public Task<Receipt> EmitAsync<T>(T body, SendOptions? options = null, CancellationToken ct = default) => SendAsync(new EmitRequest(), body, options, ct);

    /// <summary>
    /// Answers what gates of the server ask: the handler gives the fresh token (<c>reauthenticate</c>), the key or the value, or null where it has none; it is called again after a wrong answer. The
    /// send that waits for it completes when it is stored or refused. Without a handler, or with null, <c>reauthenticate</c> is answered once from the client's source of tokens. One handler at a
    /// time; it may wait for a person, and several challenges may be open at once.
    /// </summary>
    /// <returns>Disposing it takes the handler off.</returns>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    public IDisposable OnChallenge(Func<Challenge, CancellationToken, ValueTask<string?>> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return _challenges.Handle(handler);
    }

    /// <summary>Ends the connection: readers end once they have read what is buffered, pipes are removed, locks and claims given back, and the server is told, within 2 s; visitors of shared pipes are finished (<see cref="PipeOptions.Share"/>). Never throws.</summary>
    public async ValueTask DisposeAsync()
    {
        await _listening.FlushAsync().ConfigureAwait(false);
        await GiveBackAsync().ConfigureAwait(false);
        await _loop.StopAsync().ConfigureAwait(false);
    }

    internal void NeedControl()
    {
        _ = Client; // before the connection was ready there is nothing to ask
        if (_restorer.NeedControl())
        {
            _loop.Nudge();
        }
    }

    internal void Nudge() => _loop.Nudge();

    internal async Task<PresenceResponse> AskPresenceAsync(Address channel, string? client, bool countOnly, CancellationToken ct)
    {
        PresenceResponse? first = null;
        var members = new List<Member>();
        string? after = null;
        do
        {
            var (_, page) = await _data.AskAsync(
                d => d.Hub.Presence(new PresenceRequest { As = client ?? d.Client, Channel = channel.ToString(), CountOnly = countOnly ? true : null, After = after }), ct).ConfigureAwait(false);
            first ??= page;
            members.AddRange(page.Members ?? []);
            after = page.Next;
        }
        while (after is not null);
        return first with { Members = countOnly ? null : [.. members], Next = null };
    }

    internal ValueTask LeaveAsync(Listener listener) => _listening.LeaveAsync(listener);

    // Fixed with the join: who is the primary one at the next reconnect changes nothing about it.
    private JoinOptions AsPrimary(JoinOptions? options) => options?.As is null ? (options ?? new JoinOptions()) with { As = Identities.Primary } : options;

    private async Task<Receipt> SendAsync<T>(MessageRequest request, T body, SendOptions? options, CancellationToken ct)
    {
        options ??= new SendOptions();
        var content = Body.Encode(body, options.Type, Options.Json);
        request = request with
        {
            As = options.As ?? Identities.Primary,
            Text = content.Text,
            Bytes = content.Bytes,
            ContentType = content.ContentType,
            Type = content.Type,
            Re = options.Re,
            Headers = options.Headers?.ToDictionary(),
            Level = Levels.Word(options.Level ?? Options.DefaultLevel),
            IdempotencyKey = options.IdempotencyKey,
        };
        request = Under(request, options.Under);
        Bodies.CheckSize(request, Options.Format);
        var level = options.Level ?? Options.DefaultLevel;
        return await (level <= ReceiptLevel.Stored ? StoreAsync() : _outbox.Later.AwaitAsync(StoreAsync, level, options.Within ?? Options.SendTimeout, Options.TimeProvider, ct)).ConfigureAwait(false);

        async Task<Receipt> StoreAsync() => Receipts.Of(await _outbox.SendAsync(request, ct).ConfigureAwait(false));
    }

    private void End(DuplexityException? reason)
    {
        _outbox.Close(reason ?? CloseReason.Disposed.ToException());
        _listening.End(reason);
        _locks.End();
        _pipes.End(reason?.Error);
        _restorer.Close(reason ?? CloseReason.Disposed.ToException());
    }

    private static InvalidOperationException NeverReady() => new("The connection was never ready; await ConnectAsync first.");
}
