using System.Collections.Immutable;
using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Pipes;
using Microsoft.AspNetCore.SignalR;

namespace Duplexity.Server.Sockets;

/// <summary>
/// One live data connection (SOCK_ID): the identities that it holds, what it listens to, and what waits to be written to it. Its id is ours, 128 random
/// bits, and not SignalR's connection id, which is an attach token of old clients (G14). Thread-safe.
/// </summary>
internal sealed partial class Socket : ISubscriber
{
    private readonly Lock _lock = new();
    private readonly SocketParts _parts;
    private ImmutableDictionary<Address, Subscription> _subscriptions = ImmutableDictionary<Address, Subscription>.Empty;
    private int _closing;
    private int _closedWith;

    public Socket(string id, HubConnectionContext connection, Identity identity, SocketParts parts)
    {
        Id = id;
        _parts = parts;
        Identities = new HeldIdentities(new HeldIdentity(identity), parts.Time);
        OpenedAs = identity.Client;
        Since = parts.Time.GetUtcNow();
        Transport = new SocketTransport(connection);
        Line = new SendLine(this);
        Queue = new SocketQueue(this, connection, parts.Time, parts.Options, parts.Engine.Lease, parts.Metrics, parts.Logger);
    }

    /// <summary>The SOCK_ID.</summary>
    public string Id { get; }

    /// <summary>The CID that it was opened with; under it the reason of its end is kept, whatever has expired by then.</summary>
    public string OpenedAs { get; }

    public DateTimeOffset Since { get; }

    /// <inheritdoc/>
    public string? Via { get; init; }

    /// <summary>What it stands on.</summary>
    public SocketTransport Transport { get; }

    /// <summary>What waits to be written.</summary>
    public SocketQueue Queue { get; }

    /// <summary>Its sends in their order, and what gates hold of them.</summary>
    public SendLine Line { get; }

    /// <summary>The identities, the primary one first.</summary>
    public HeldIdentities Identities { get; }

    /// <summary>The CID of the primary identity; empty when there is none any more.</summary>
    public string Primary => Identities.All is [var first, ..] ? first.Client : "";

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

    /// <summary>Whether its connection fell silent, or broke while it was used.</summary>
    public bool WasLost { get; set; }

    /// <summary>What its end says in the rooms where it was: a word of <see cref="DepartureReason"/>, and whether nobody has to be waited for.</summary>
    public (string? Reason, bool IsFinal) Departure => Volatile.Read(ref _closedWith) switch
    {
        0 => (WasLost || Transport.IsAborted ? DepartureReason.Lost : null, false),
        var code when code == Errors.Goodbye.Code => (null, true),
        var code when Retry.Of(code) == Retry.Never => (DepartureReason.Removed, true),
        _ => (DepartureReason.Lost, false),
    };

    /// <summary>Whether it listens to a channel as a client.</summary>
    public bool Listens(Address address, string client) => _subscriptions.GetValueOrDefault(address)?.Clients.Contains(client) == true;

    /// <summary>The rooms in which it stands as <paramref name="client"/>.</summary>
    public IReadOnlyList<Address> RoomsOf(string client) =>
        [.. _subscriptions.Values.Where(s => s.Address.Kind == AddressKind.Room && s.Clients.Contains(client)).Select(s => s.Address)];

    /// <summary>What it listens to as <paramref name="client"/>, which is held no more: whatever began to listen while it was is in it.</summary>
    private Subscription[] SubscriptionsOf(string client)
    {
        lock (_lock)
        {
            return [.. _subscriptions.Values.Where(s => s.Clients.Contains(client))];
        }
    }

    /// <summary>What it listens to at an address; null: nothing.</summary>
    public Subscription? SubscriptionTo(Address address) => _subscriptions.GetValueOrDefault(address);

    /// <summary>
    /// Listens to a channel from <paramref name="start"/> as <paramref name="client"/>, together with those of its clients that do already; what listens already moves there. False with
    /// <paramref name="subscription"/> null when the socket is over, does not hold the client any more, or has its limit of channels. <paramref name="isSharing"/>: it goes on where those others are, whatever they hear meanwhile.
    /// </summary>
    public bool TryListen(Address address, string client, Position start, out Subscription? subscription, bool isOwn = false, bool isWatching = false, bool isSharing = false)
    {
        subscription = null;
        Subscription? before;
        lock (_lock)
        {
            before = _subscriptions.GetValueOrDefault(address);
            if (IsClosing || Identities.Find(client) is null || (before is null && !isOwn && _subscriptions.Count >= _parts.Options.Limits.ChannelsPerSocket))
            {
                return false;
            }

            var clients = before is null ? ImmutableArray.Create(client) : before.Clients.Contains(client) ? before.Clients : before.Clients.Add(client);
            var (stays, watchers) = (before?.Stays ?? [], before?.Watchers ?? []);
            subscription = _parts.Channels.Add(address, this, clients, start, s =>
            {
                s.Stays = stays.ContainsKey(client) ? stays : stays.Add(client, start);
                s.Watchers = isWatching == watchers.Contains(client) ? watchers : isWatching ? watchers.Add(client) : watchers.Remove(client);

                // What the one before it was told last may not have left before it was over.
                s.IsBehind = before?.IsWatching == true;
                if (isSharing && before is not null)
                {
                    (s.Start, s.Follows) = (before.Start, before);
                }
            });
            _subscriptions = _subscriptions.SetItem(address, subscription);
        }

        if (before is not null)
        {
            _parts.Channels.Remove(before);
            if (isSharing)
            {
                Queue.TakeOver(subscription);
            }

            Queue.Leave(before);
        }

        return true;
    }

    /// <summary>Stops listening as <paramref name="client"/>; false where it did not.</summary>
    public bool StopListening(Address address, string client)
    {
        Subscription? ended;
        lock (_lock)
        {
            if (_subscriptions.GetValueOrDefault(address) is not { } there || !there.Clients.Contains(client))
            {
                return false;
            }

            there.Clients = there.Clients.Remove(client);
            there.Stays = there.Stays.Remove(client);
            there.Watchers = there.Watchers.Remove(client);
            ended = there.Clients.IsEmpty ? there : null;
            _subscriptions = ended is null ? _subscriptions : _subscriptions.Remove(address);
        }

        if (ended is not null)
        {
            _parts.Channels.Remove(ended);
            Queue.Leave(ended);
        }

        return true;
    }

    /// <inheritdoc/>
    public void Enqueue(Subscription subscription, Delivery delivery) => Queue.Enqueue(subscription, delivery);

    /// <inheritdoc/>
    public void Again(Subscription subscription, Delivery delivery, int attempt) => Queue.Again(subscription, delivery, attempt);

    /// <inheritdoc/>
    public void Move(Subscription subscription, Position place) => Queue.Move(subscription, place);

    /// <inheritdoc/>
    public void Tell(Subscription subscription, PresenceNews news) => Queue.Tell(subscription, news);

    /// <inheritdoc/>
    public void Tell(WithdrawnEvent withdrawn) => Queue.Send(nameof(IDataClient.Withdrawn), withdrawn);

    /// <inheritdoc/>
    public void Flush() => Queue.Flush();

    /// <inheritdoc/>
    public bool HasRoom => Queue.HasRoom;

    /// <inheritdoc/>
    public ValueTask<bool> WaitForRoomAsync(CancellationToken ct) => Queue.WaitForRoomAsync(ct);

    /// <summary>
    /// Closes the connection and says why first, if the socket still takes bytes. The reason is kept for the session's next Welcome. Idempotent: the
    /// first reason stands, and true is returned for it alone.
    /// </summary>
    public bool Close((int Code, string Name) code, string reason)
    {
        if (Interlocked.Exchange(ref _closing, 1) != 0)
        {
            return false;
        }

        Volatile.Write(ref _closedWith, code.Code);

        // Under the name of the upgrade, as the next Welcome asks for it: a socket that closes because its token expired holds no identity any more.
        _parts.Ends.Remember(OpenedAs, SessionId, code.Code, reason);
        _ = CloseAsync(new DisconnectedEvent { Code = code.Code, Reason = reason, Retry = Retry.Of(code.Code) });
        return true;
    }

    /// <summary>Closes it behind the answer to the call that is being made: the answer goes out first.</summary>
    public void CloseSoon((int Code, string Name) code, string reason) =>
        _ = Task.Delay(_parts.Options.Times.AnswerFirst, _parts.Time).ContinueWith(_ => Close(code, reason), TaskScheduler.Default);

    /// <summary>Closes it because it does not read what is sent to it; <paramref name="reason"/> is what was too much, <c>size</c> or <c>age</c>.</summary>
    public void CloseAsSlow(string reason)
    {
        if (Close(Errors.SlowConsumer, "This socket did not read fast enough; connect again and go on from the last place."))
        {
            _parts.Metrics.ClosedAsSlow(reason);
        }
    }

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
        _parts.Answers.Release(Line, null);
        _parts.Receipts.Release(Line, null);
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
}
