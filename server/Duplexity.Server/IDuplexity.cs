using Duplexity.Protocol;

namespace Duplexity.Server;

/// <summary>
/// What an application does with Duplexity from its own code (controllers, jobs): inject it anywhere instead of <c>IHubContext</c>. It acts as the
/// application itself, <c>service:app</c>, unless told otherwise, and its messages go through the same pipes as everybody's. Thread-safe; a singleton.
/// </summary>
public interface IDuplexity
{
    /// <summary>Rooms by hand.</summary>
    IDuplexityRooms Rooms { get; }

    /// <summary>Lockspaces and locks.</summary>
    IDuplexityLockspaces Lockspaces { get; }

    /// <summary>Inboxes, read without a socket.</summary>
    IDuplexityInboxes Inboxes { get; }

    /// <summary>Message pipes of the application.</summary>
    IDuplexityMessagePipes MessagePipes { get; }

    /// <summary>
    /// Sends to one address. <paramref name="body"/>: a string is text, <c>byte[]</c> and <c>ReadOnlyMemory&lt;byte&gt;</c> are bytes, all else is JSON (web defaults) with the
    /// type's name as the message's type.
    /// </summary>
    /// <exception cref="DuplexityException">The destination did not take the message.</exception>
    Task<Receipt> SendAsync<T>(Address to, T body, SendOptions? options = null, CancellationToken ct = default);

    /// <summary>Sends to several addresses in one atomic step. Returns when at least one took the message; the receipt names those that did not.</summary>
    /// <exception cref="DuplexityException">No destination took the message; the first reason.</exception>
    Task<Receipt> SendAsync<T>(IReadOnlyCollection<Address> to, T body, SendOptions? options = null, CancellationToken ct = default);

    /// <summary>
    /// Reads a channel's log, oldest first, from behind <paramref name="since"/> (null: from its start) to its present end; page by page, so that a long log is never in memory.
    /// </summary>
    /// <exception cref="DuplexityException">The place cannot be served any more (110).</exception>
    IAsyncEnumerable<DeliveredMessage> ReadAsync(Address channel, Position? since = null, CancellationToken ct = default);

    /// <summary>The sockets of a client, oldest first.</summary>
    Task<IReadOnlyList<SocketInfo>> ListSocketsAsync(string client, CancellationToken ct = default);

    /// <summary>Who is in a room, by client.</summary>
    Task<IReadOnlyList<Member>> ListMembersAsync(Address room, CancellationToken ct = default);

    /// <summary>
    /// Closes a socket, or all sockets and sessions of a client, on whichever node; they are told <paramref name="reason"/>, and are kept away for <see cref="TimeOptions.Block"/>. Returns how many sockets that were, when every node has done
    /// it; one that is not heard of is waited for until its lease ends. <paramref name="ct"/> ends the waiting only.
    /// </summary>
    /// <exception cref="ArgumentException">The address is neither a socket nor a client.</exception>
    Task<int> DisconnectAsync(Address clientOrSocket, string reason, CancellationToken ct = default);

    /// <summary>
    /// An access token for one of the application's own users, good on this service's hubs for <paramref name="lifetime"/>. <paramref name="allowances"/>: what it may do, where that is to be
    /// other than its roles' or the default.
    /// </summary>
    /// <exception cref="ArgumentException">The name cannot be a client's, the lifetime is not between a second and a day, or the allowances cannot be.</exception>
    /// <exception cref="DuplexityException">The client was removed (205); <see cref="RemoveAsync"/>.</exception>
    string CreateToken(string client, TimeSpan lifetime, Allowances? allowances = null);

    /// <summary>
    /// Ends the tokens of a client that were issued before <paramref name="before"/> (null: now). When it returns, open sockets on every node have lost the client, and nothing for it begins any more; a node that is not heard of is waited
    /// for until its lease ends. Returns how many connections lost it. <paramref name="ct"/> ends the waiting only.
    /// </summary>
    /// <exception cref="ArgumentException">The name cannot be a client's.</exception>
    Task<int> RevokeAsync(string client, DateTimeOffset? before = null, CancellationToken ct = default);

    /// <summary>Ends one token by its <c>jti</c>; as <see cref="RevokeAsync"/>.</summary>
    Task<int> RevokeTokenAsync(string tokenId, CancellationToken ct = default);

    /// <summary>Forbids a client everything until it is enabled again; as <see cref="RevokeAsync"/>.</summary>
    /// <exception cref="ArgumentException">The name cannot be a client's.</exception>
    Task<int> DisableAsync(string client, CancellationToken ct = default);

    /// <summary>Allows a disabled client to come back. Tokens that were issued before it was disabled stay ended.</summary>
    /// <exception cref="ArgumentException">The name cannot be a client's.</exception>
    /// <exception cref="DuplexityException">The client was removed (205), which is for good.</exception>
    Task EnableAsync(string client, CancellationToken ct = default);

    /// <summary>
    /// Removes a client for good: what <see cref="DisableAsync"/> does, and its inbox and feed, API keys, sign-ins and pipes are gone. Its name is never given again, to nobody and by nobody, and there is no
    /// way back; what it said in rooms stays. Returns how many connections lost it.
    /// </summary>
    /// <exception cref="ArgumentException">The name cannot be a client's.</exception>
    Task<int> RemoveAsync(string client, CancellationToken ct = default);

    /// <summary>
    /// Empties this node, before its process is stopped: it is not ready from now on, its clients open their connections at other nodes and then leave, and what visitors have begun may finish. Completes when that is done, after <see cref="TimeOptions.Drain"/> at the
    /// latest; at once, without anything done, where there is no other node. The node stays as it is then until it is stopped. Called again, it waits for the same. <paramref name="ct"/> ends the waiting only.
    /// </summary>
    Task DrainAsync(CancellationToken ct = default);

    /// <summary>
    /// Lets all open sockets of a client listen to a room (or a feed) from now on, as if it had joined; no gate is asked. The sockets are told (<c>Joined</c>). Returns how many sockets that were. It does
    /// not outlive the socket: who comes back joins by itself, or is placed anew (<see cref="ServiceChannel.Sockets"/> says when).
    /// </summary>
    /// <exception cref="ArgumentException">The name cannot be a client's, or the address is neither a room nor a feed.</exception>
    Task<int> SubscribeAsync(string client, Address channel, CancellationToken ct = default);

    /// <summary>
    /// Ends what all open sockets of a client listen to at a room or a feed; they are told <paramref name="reason"/> (<c>Left</c>). Returns how many sockets that were. It may join again, unless a gate refuses it.
    /// </summary>
    /// <exception cref="ArgumentException">The name cannot be a client's, or the address is neither a room nor a feed.</exception>
    Task<int> UnsubscribeAsync(string client, Address channel, string reason, CancellationToken ct = default);
}
