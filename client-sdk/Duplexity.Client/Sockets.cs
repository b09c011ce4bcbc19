using Duplexity.Links;
using Duplexity.Protocol;
using Duplexity.Watching;

namespace Duplexity;

/// <summary>A client's own sockets, of all its programs, and what it may do from them. Thread-safe.</summary>
public sealed class Sockets
{
    private readonly ControlCalls _control;
    private readonly WatchDesk _watches;

    internal Sockets(ControlCalls control, WatchDesk watches)
    {
        _control = control;
        _watches = watches;
    }

    /// <summary>The sockets, oldest first.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<IReadOnlyList<SocketInfo>> ListAsync(AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, client) => hub.ListSockets(new ListSocketsRequest { As = client, Client = options?.Client }), ct).ConfigureAwait(false)).Sockets ?? [];

    /// <summary>
    /// Watches the client's sockets: first those that are there (<see cref="SocketChangeKind.Present"/>), then what becomes of them, at most four times a second, each socket's state as it is now.
    /// After a loss of the connection, or where 256 changes wait unread, it begins anew: what has gone meanwhile is <see cref="SocketChangeKind.Gone"/>, what is there is present again.
    /// </summary>
    /// <param name="options">As whom, and whose.</param>
    /// <param name="ct">Ends the watch; the server is told.</param>
    /// <exception cref="DuplexityException">It was refused, the client has left the connection, or the connection is over. When it is disposed, the watch just ends.</exception>
    public IAsyncEnumerable<SocketChange> WatchAsync(AskOptions? options = null, CancellationToken ct = default) => _watches.WatchAsync(WatchKinds.Sockets, _control, options, ct);

    /// <summary>Closes <c>socket:ID</c>, or all sockets of <c>client:CID</c>; their SDKs do not come back by themselves. Answers how many were closed.</summary>
    /// <param name="target">A socket, or a client.</param>
    /// <param name="reason">What the disconnected are told.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> CloseAsync(Address target, string? reason = null, AskOptions? options = null, CancellationToken ct = default) => (await _control.AskAsync(
        options, (hub, client) => hub.ForceDisconnect(new ForceDisconnectRequest { As = client, Target = target.ToString(), Reason = reason }), ct).ConfigureAwait(false)).Sockets ?? 0;

    /// <summary>Narrows what the client may do from one of its sockets; null: everything again. It can only take away. Answers what is left.</summary>
    /// <exception cref="DuplexityException">It is not this client's socket, the allowances cannot be read, or there was no answer in time.</exception>
    public async Task<Allowances> LimitAsync(string socketId, Allowances? allowances, AskOptions? options = null, CancellationToken ct = default) => (await _control.AskAsync(
        options, (hub, client) => hub.LimitSocket(new LimitSocketRequest { As = client, SocketId = socketId, Allowances = allowances }), ct).ConfigureAwait(false)).Allowances!;

    /// <summary>Ends the tokens of a client up to now, its own or one that it may administer. Answers how many connections lost it; it is in force by then.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public Task<int> RevokeAsync(string client, AskOptions? options = null, CancellationToken ct = default) => RevokeAsync(new RevokeRequest { Client = client }, options, ct);

    /// <summary>Ends one token by its id (<c>jti</c>); as <see cref="RevokeAsync(string, AskOptions?, CancellationToken)"/>.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public Task<int> RevokeTokenAsync(string tokenId, AskOptions? options = null, CancellationToken ct = default) => RevokeAsync(new RevokeRequest { TokenId = tokenId }, options, ct);

    /// <summary>
    /// Removes a client for good, for administrators: as <see cref="RevokeAsync(string, AskOptions?, CancellationToken)"/>, and its inbox and feed, API keys, sign-ins and pipes are gone. Its name is never given again.
    /// </summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> RemoveClientAsync(string client, AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, acting) => hub.RemoveClient(new RemoveClientRequest { As = acting, Client = client }), ct).ConfigureAwait(false)).Connections ?? 0;

    /// <summary>Begins to trace what a client sends (<c>client:CID</c>), or what is sent to a channel, for administrators. Answers until when.</summary>
    /// <param name="target">A client, or a channel.</param>
    /// <param name="minutes">For how long, 1 to 60.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<DateTimeOffset> StartTraceAsync(Address target, int minutes = 5, AskOptions? options = null, CancellationToken ct = default)
    {
        var answer = await TraceAsync(new TraceRequest { Start = target.ToString(), Minutes = minutes }, options, ct).ConfigureAwait(false);
        return DateTimeOffset.FromUnixTimeMilliseconds(answer.Until ?? 0);
    }

    /// <summary>The way of a message that was traced, step by step, for administrators.</summary>
    /// <exception cref="DuplexityException">No trace is kept of it, it is not this client's to see, or there was no answer in time.</exception>
    public async Task<IReadOnlyList<TraceHop>> TraceAsync(string messageId, AskOptions? options = null, CancellationToken ct = default) =>
        (await TraceAsync(new TraceRequest { MessageId = messageId }, options, ct).ConfigureAwait(false)).Hops ?? [];

    private Task<TraceResponse> TraceAsync(TraceRequest request, AskOptions? options, CancellationToken ct) =>
        _control.AskAsync(options, (hub, client) => hub.Trace(request with { As = client }), ct);

    private async Task<int> RevokeAsync(RevokeRequest request, AskOptions? options, CancellationToken ct) =>
        (await _control.AskAsync(options, (hub, client) => hub.Revoke(request with { As = client }), ct).ConfigureAwait(false)).Connections ?? 0;
}
