using System.Collections.Immutable;
using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Microsoft.AspNetCore.SignalR;

namespace Duplexity.Server.Sockets;

/// <summary>
/// One live data connection (SOCK_ID): the identities that it holds, what it listens to, and what waits to be written to it. Its id is ours, 128 random
/// bits, and not SignalR's connection id, which is an attach token of old clients (G14). Thread-safe.
/// </summary>
internal sealed class Socket : ISubscriber
{
    private readonly Lock _lock = new();
    private readonly SocketParts _parts;
    private ImmutableArray<Identity> _identities;
    private ImmutableDictionary<Address, Subscription> _subscriptions = ImmutableDictionary<Address, Subscription>.Empty;
    private int _closing;

    public Socket(string id, HubConnectionContext connection, Identity identity, SocketParts parts)
    {
        Id = id;
        _parts = parts;
        _identities = [identity];
        OpenedAs = identity.Client;
        Since = parts.Time.GetUtcNow();
        Transport = new SocketTransport(connection);
        Queue = new SocketQueue(this, connection, parts.Time, parts.Options, parts.Logger);
    }

    /// <summary>The SOCK_ID.</summary>
    public string Id { get; }

    /// <summary>The CID that it was opened with; under it the index keeps it, whatever expires.</summary>
    public string OpenedAs { get; }

    public DateTimeOffset Since { get; }

    /// <summary>What it stands on.</summary>
    public SocketTransport Transport { get; }

    /// <summary>What waits to be written.</summary>
    public SocketQueue Queue { get; }

    /// <summary>The identities, the primary one first.</summary>
    public ImmutableArray<Identity> Identities => _identities;

    /// <summary>The CID of the primary identity.</summary>
    public string Primary => _identities is [var first, ..] ? first.Client : "";

    /// <summary>The session that Open (or the connection's address) named; null for a stock client's.</summary>
    public string? SessionId { get; set; }

    /// <summary>Whether whoever knows the id may send to it; otherwise its own clients only.</summary>
    public bool IsOpenToAnyone { get; set; }

    /// <summary>What it listens to.</summary>
    public IReadOnlyCollection<Subscription> Subscriptions => [.. _subscriptions.Values];

    /// <inheritdoc/>
    string ISubscriber.SocketId => Id;

    /// <summary>Whether it is being closed.</summary>
    public bool IsClosing => Volatile.Read(ref _closing) != 0;

    /// <summary>The identity to act as: the named one, or the primary one. The error is what the caller is to be told.</summary>
    public DuplexityError? Resolve(string? client, out Identity identity)
    {
        var held = _identities;
        identity = (client is null ? held.FirstOrDefault() : held.FirstOrDefault(i => i.Client == client))!;
        if (identity is null)
        {
            return DuplexityError.Of(Errors.IdentityNotHeld, client is null
                ? "This socket holds no identity any more; connect again with a token."
                : $"This socket does not hold {VisibleText.Of(client, Address.MaxClientLength)}.");
        }

        return identity.IsValidAt(_parts.Time.GetUtcNow())
            ? null
            : DuplexityError.Of(Errors.TokenExpired, $"The token of {VisibleText.Of(identity.Client)} has expired; connect again with a new one.");
    }

    /// <summary>The acting client as the pipes see it.</summary>
    public Sender SenderAs(Identity identity) =>
        new() { Client = identity.Client, SocketId = Id, ExpiresAt = identity.ExpiresAt, Principal = identity.Principal };

    /// <summary>The rooms in which it stands as <paramref name="identity"/>.</summary>
    public IReadOnlyList<Address> RoomsOf(Identity identity) =>
        [.. _subscriptions.Values.Where(s => s.Address.Kind == AddressKind.Room && s.Client == identity.Client).Select(s => s.Address)];

    /// <summary>
    /// Listens to a channel from <paramref name="start"/>, or moves there what listens already. False with <paramref name="subscription"/> null when
    /// the socket is over or has its limit of channels.
    /// </summary>
    public bool TryListen(Address address, string client, Position start, out Subscription? subscription, bool isOwn = false)
    {
        subscription = null;
        Subscription? before;
        lock (_lock)
        {
            before = _subscriptions.GetValueOrDefault(address);
            if (IsClosing || (before is null && !isOwn && _subscriptions.Count >= _parts.Options.Limits.ChannelsPerSocket))
            {
                return false;
            }

            subscription = _parts.Channels.Add(address, this, client, start);
            _subscriptions = _subscriptions.SetItem(address, subscription);
        }

        if (before is not null)
        {
            _parts.Channels.Remove(before);
        }

        return true;
    }

    /// <summary>Stops listening; null where it did not listen.</summary>
    public Subscription? StopListening(Address address)
    {
        Subscription? subscription;
        lock (_lock)
        {
            subscription = _subscriptions.GetValueOrDefault(address);
            _subscriptions = _subscriptions.Remove(address);
        }

        if (subscription is not null)
        {
            _parts.Channels.Remove(subscription);
        }

        return subscription;
    }

    /// <inheritdoc/>
    public void Enqueue(Subscription subscription, Delivery delivery) => Queue.Enqueue(subscription, delivery);

    /// <inheritdoc/>
    public void Move(Subscription subscription, Position place) => Queue.Move(subscription, place);

    /// <inheritdoc/>
    public void Flush() => Queue.Flush();

    /// <inheritdoc/>
    public bool HasRoom => Queue.HasRoom;

    /// <inheritdoc/>
    public ValueTask<bool> WaitForRoomAsync(CancellationToken ct) => Queue.WaitForRoomAsync(ct);

    /// <summary>
    /// Whether an entry is for this socket: not its own message, not a copy of which an earlier destination reaches it, still listened to, and let through
    /// by the egress gates for the identity that listens.
    /// </summary>
    public bool Takes(Subscription subscription, LogEntry entry)
    {
        if (subscription.IsClosed || entry.Message.FromSocket == Id)
        {
            return false;
        }

        for (var i = 0; i < entry.Earlier.Count; i++)
        {
            // To join it later, or to be refused it there, is no reason to miss the copy here.
            if (_subscriptions.GetValueOrDefault(entry.Message.Destinations[i]) is { } other && entry.Earlier[i].Offset > other.Start.Offset && IsFor(other, entry with { Channel = other.Address, Position = entry.Earlier[i] }))
            {
                return false;
            }
        }

        return IsFor(subscription, entry);
    }

    /// <summary>Takes identities off whose time has come. True when none is left.</summary>
    public bool DropExpired(DateTimeOffset now)
    {
        lock (_lock)
        {
            _identities = _identities.RemoveAll(i => !i.IsValidAt(now));
            return _identities.IsEmpty;
        }
    }

    /// <summary>
    /// Closes the connection and says why first, if the socket still takes bytes. The reason is kept for the session's next Welcome. Idempotent: the
    /// first reason stands.
    /// </summary>
    public void Close((int Code, string Name) code, string reason)
    {
        if (Interlocked.Exchange(ref _closing, 1) != 0)
        {
            return;
        }

        // Under the name of the upgrade, as the next Welcome asks for it: a socket that closes because its token expired holds no identity any more.
        _parts.Ends.Remember(OpenedAs, SessionId, code.Code, reason);
        _ = CloseAsync(new DisconnectedEvent { Code = code.Code, Reason = reason, Retry = Retry.Of(code.Code) });
    }

    /// <summary>Closes it behind the answer to the call that is being made: the answer goes out first.</summary>
    public void CloseSoon((int Code, string Name) code, string reason) =>
        _ = Task.Delay(_parts.Options.Times.AnswerFirst, _parts.Time).ContinueWith(_ => Close(code, reason), TaskScheduler.Default);

    /// <summary>Closes it because it does not read what is sent to it.</summary>
    public void CloseAsSlow() => Close(Errors.SlowConsumer, "This socket did not read fast enough; connect again and go on from the last place.");

    /// <summary>Ends everything that the socket has on this node. Returns what it listened to.</summary>
    public IReadOnlyCollection<Subscription> Release()
    {
        ImmutableDictionary<Address, Subscription> subscriptions;
        lock (_lock)
        {
            Volatile.Write(ref _closing, 1);
            subscriptions = _subscriptions;
            _subscriptions = ImmutableDictionary<Address, Subscription>.Empty;
        }

        _ = Queue.FinishAsync(null);
        foreach (var subscription in subscriptions.Values)
        {
            _parts.Channels.Remove(subscription);
        }

        return [.. subscriptions.Values];
    }

    /// <summary>Tells the socket of places that moved without a message (G9).</summary>
    public void TellAdvances()
    {
        foreach (var subscription in _subscriptions.Values)
        {
            Queue.Advance(subscription);
        }
    }

    private async Task CloseAsync(DisconnectedEvent last)
    {
        try
        {
            await Queue.FinishAsync(last).WaitAsync(last.Code == Errors.SlowConsumer.Code ? TimeSpan.Zero : _parts.Options.Times.LastWord, _parts.Time);
            Transport.End(last.Retry != Retry.Never);
        }
        catch (TimeoutException)
        {
            // It does not read: a graceful close would wait behind what it does not read. The hard one lets stock clients come back, too.
            Transport.Cut();
        }
    }

    private bool IsFor(Subscription subscription, LogEntry entry) =>
        _identities.ValidOf(subscription.Client, _parts.Time.GetUtcNow()) is { } holder && (_parts.Egress.IsEmpty || _parts.Egress.Lets(SenderAs(holder), entry));
}
