using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Inboxes;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>What a socket does with channels beside sending to them: join, leave, read back, see who is there. Thread-safe.</summary>
internal sealed partial class Listening(
    IEngine engine, ChannelIndex channels, JoinGates gates, ListenerGates listeners, InboxIndex inboxes, RoomRules rooms, RoomPresence presence, Egress egress, Membership membership, SocketWatches watches, DuplexityOptions options)
{
    private const int DefaultPage = 100;

    /// <summary>Listens to a channel from now, from a place, or with the last n. Listening already: moves there; another client of the socket that listens already shares its place.</summary>
    public async Task<JoinResponse> JoinAsync(Socket socket, HeldIdentity held, JoinRequest request)
    {
        if ((gates.Read(request.Channel, held, isRead: false, out var address) ?? ReadPlace(request.Since) ?? ReadCount(nameof(request.Last), request.Last, 0)) is { } error)
        {
            return new JoinResponse { Error = error };
        }

        if (await listeners.CheckAsync(held.SenderFrom(socket.Id, socket.Line), address, Operation.Join) is { } kept)
        {
            return new JoinResponse { Error = kept };
        }

        if (address.Kind == AddressKind.Client)
        {
            return await JoinInboxAsync(socket, held, address, request);
        }

        if (request is not { Reader: null, Ack: null })
        {
            return new JoinResponse { Error = DuplexityError.Of(Errors.InvalidRequest, "reader and ack are for the own inbox; other channels have nothing to acknowledge.") };
        }

        if (Array.Find(await gates.LimitsOfAsync(socket, held, address), l => l.Error is not null) is { Error: { } limit })
        {
            return new JoinResponse { Error = limit };
        }

        var isNew = socket.SubscriptionTo(address)?.Clients.Contains(held.Client) != true;
        if (isNew && membership.TakeEntry(held, address) is { } tooOften)
        {
            return new JoinResponse { Error = tooOften };
        }

        // Without a place of its own it must not move the others: it begins where they are.
        var shared = request is { Since: null, Last: null or 0 } && socket.SubscriptionTo(address) is { } there && !there.Clients.Contains(held.Client) ? there.Told : null;
        var (start, recovered) = shared is null ? await StartAsync(socket, held, address, request) : (shared, null);
        var isWatching = request.Presence == true && await MayWatchAsync(socket, held, address);
        if (!socket.TryListen(address, held.Client, start, out var subscription, isWatching: isWatching, isSharing: shared is not null))
        {
            return new JoinResponse { Error = TooManyChannels(socket) };
        }

        if ((await EnterAsync(socket, held, address, isNew) ?? await StayAsync(socket, held, address)) is { } refused)
        {
            return new JoinResponse { Error = refused };
        }

        if (subscription!.IsWatching)
        {
            await channels.WatchAsync(subscription);
        }

        _ = Task.Run(() => subscription.Channel.CatchUpAsync(subscription));
        watches.Mark(socket, held.Client, SocketChangeKind.Changed);
        return new JoinResponse { Channel = address.ToString(), Position = start, Recovered = recovered, Presence = request.Presence is null ? null : isWatching };
    }

    /// <summary>What a socket hears for a client without joining: the socket's own address, and what the client's other sockets emit.</summary>
    public async Task ListenToOwnAsync(Socket socket, string client)
    {
        foreach (var address in (Address[])[Address.Socket(socket.Id), Address.Feed(client)])
        {
            var start = socket.SubscriptionTo(address)?.Told ?? await engine.Log.TopAsync(address);
            if (socket.TryListen(address, client, start, out var subscription, isOwn: true, isSharing: true))
            {
                await subscription!.Channel.CatchUpAsync(subscription);
            }
        }
    }

    /// <summary>Stops listening.</summary>
    public async Task<Done> LeaveAsync(Socket socket, HeldIdentity held, LeaveRequest request)
    {
        if (!Address.TryRead(request.Channel, out var address, out var problem))
        {
            return new Done { Error = DuplexityError.Of(Errors.InvalidAddress, problem) };
        }

        var isOwn = address.Kind == AddressKind.Socket || (address.Kind == AddressKind.Feed && held.Client == address.Name);
        if (address.Kind == AddressKind.Lockspace && membership.Leave(socket, held.Client, address.Name, request.Key) is { } kept)
        {
            return new Done { Error = kept };
        }

        if (isOwn || !await StopAsync(socket, address, held.Client))
        {
            return new Done { Error = DuplexityError.Of(Errors.NotJoined, $"This socket has not joined {VisibleText.Of(address.ToString())} as {VisibleText.Of(held.Client)}.") };
        }

        watches.Mark(socket, held.Client, SocketChangeKind.Changed);
        return new Done();
    }

    /// <summary>Ends what a client of a socket listens to at an address; false where it did not. <paramref name="reason"/>: what the channel's members are told, where it is not its wish.</summary>
    public async ValueTask<bool> StopAsync(Socket socket, Address address, string client, string? reason = null)
    {
        if (!socket.StopListening(address, client))
        {
            return false;
        }

        await presence.LeaveAsync(socket, address, client, reason);
        Unwind(address, client, socket.Id);
        return true;
    }

    /// <summary>Ends what those listen to at an address whom its gates do not let join any more, and tells them.</summary>
    public async ValueTask EvictAsync(Address address, string why)
    {
        foreach (var subscription in channels.Subscriptions(address))
        {
            if (subscription.Subscriber is not Socket socket)
            {
                continue;
            }

            foreach (var client in subscription.Clients)
            {
                // Its own feed a socket hears whatever its allowances are.
                if (RoomPresence.IsMember(address, client) && socket.Identities.Find(client) is { } held && gates.Read(address.ToString(), held, isRead: false, out _) is not null
                    && await StopAsync(socket, address, client, DepartureReason.Removed))
                {
                    socket.Queue.Send(nameof(IDataClient.Left), new LeftEvent { Channel = address.ToString(), Client = client, Reason = why });
                    watches.Mark(socket, client, SocketChangeKind.Changed);
                }
            }
        }
    }

    /// <summary>A page of a channel's log, through the same egress gates as what is delivered (G9).</summary>
    public async Task<HistoryResponse> HistoryAsync(Socket? socket, HeldIdentity held, HistoryRequest request)
    {
        if ((gates.Read(request.Channel, held, isRead: true, out var address) ?? ReadPlace(request.Since) ?? ReadCount(nameof(request.Limit), request.Limit, 1)) is { } error)
        {
            return new HistoryResponse { Error = error };
        }

        var reader = held.SenderFrom(socket?.Id, socket?.Line);
        if (await listeners.CheckAsync(reader, address, Operation.Receive) is { } kept)
        {
            return new HistoryResponse { Error = kept };
        }

        var page = await engine.Log.ReadAsync(address, request.Since, request.Limit ?? DefaultPage, request.Reverse ?? false);
        if (!page.Recovered)
        {
            return new HistoryResponse { Messages = [], Recovered = false };
        }

        return new HistoryResponse
        {
            Messages = [.. page.Entries.Where(e => egress.Lets(reader, e)).Select(e => Delivery.OnTheWire(e))],
            Next = page.End ? null : page.Entries[^1].Position,
            Recovered = request.Since is null ? null : true,
        };
    }

    /// <summary>A client that was in a lockspace by this socket is not any more: what held it there is over.</summary>
    public void Unwind(Address address, string client, string socketId)
    {
        if (address.Kind == AddressKind.Lockspace)
        {
            membership.Gone(client, socketId, address.Name);
        }
    }

    /// <summary>Who is in a room or lockspace, or follows a feed.</summary>
    public async Task<PresenceResponse> PresenceAsync(Socket? socket, HeldIdentity held, PresenceRequest request)
    {
        if ((gates.ReadPresence(request.Channel, held, out var address) ?? ReadCount(nameof(request.Limit), request.Limit, 1)) is { } error)
        {
            return new PresenceResponse { Error = error };
        }

        if (await listeners.CheckAsync(held.SenderFrom(socket?.Id, socket?.Line), address, Operation.Receive) is { } kept)
        {
            return new PresenceResponse { Error = kept };
        }

        var snapshot = await engine.Presence.ReadAsync(address);
        if (request.CountOnly == true)
        {
            return new PresenceResponse { Version = snapshot.Version, Count = snapshot.Count };
        }

        var (page, next) = Members.PageOf(snapshot, request.After, request.Limit ?? Wire.MaxPage);
        return new PresenceResponse { Version = snapshot.Version, Count = snapshot.Count, Members = page, Next = next };
    }

    /// <summary>Whether a client is told who comes and goes: those who may not see it by asking are not told either.</summary>
    private async ValueTask<bool> MayWatchAsync(Socket socket, HeldIdentity held, Address address) =>
        Array.TrueForAll(gates.OfPresence(held, address), g => g.Error is null) && rooms.Announces(address)
        && await listeners.CheckAsync(held.SenderFrom(socket.Id, socket.Line), address, Operation.Receive) is null;

    /// <summary>Is in the channel from here on, unless that was one too many.</summary>
    private async ValueTask<DuplexityError?> EnterAsync(Socket socket, HeldIdentity held, Address address, bool isNew, bool isHeld = false)
    {
        var places = address.Kind == AddressKind.Room ? gates.Places(held, address) : null;
        if (!await presence.EnterAsync(socket, address, held.Client, places?.Most))
        {
            // Several came at once: none of those who are too many stays.
            await StopAsync(socket, address, held.Client);
            return JoinGates.Full(address, places!.Value, places.Value.Most);
        }

        // Once, as it comes in: to join again moves a place, and holds nobody who was let out.
        if (isNew && address.Kind == AddressKind.Lockspace)
        {
            membership.Enter(socket, held.Client, address.Name, isHeld);
        }

        return null;
    }

    /// <summary>Leaves again where the gates do not let it join any more since they were asked: whoever changed what holds may not have met this one.</summary>
    private async ValueTask<DuplexityError?> StayAsync(Socket socket, HeldIdentity held, Address address)
    {
        if (gates.Read(address.ToString(), held, isRead: false, out _) is not { } refused)
        {
            return null;
        }

        await StopAsync(socket, address, held.Client, DepartureReason.Removed);
        return refused;
    }

    private async ValueTask<(Position Start, bool? Recovered)> StartAsync(Socket socket, HeldIdentity held, Address address, JoinRequest request)
    {
        var (since, last) = (request.Since, request.Last ?? 0);
        Position? stay = null;
        if (!rooms.Lets(RoomRight.ReadHistory, address, held.Client, held.Identity.Principal))
        {
            // What this socket has heard since it joined is not the past; all else is, and reads as not there.
            stay = socket.SubscriptionTo(address)?.Stays.GetValueOrDefault(held.Client);
            (since, last) = (stay is not null && since?.Offset >= stay.Offset ? since : null, 0);
        }

        if (since is not null && (await engine.Log.ReadAsync(address, since, 1)).Recovered)
        {
            return (since, true);
        }

        bool? recovered = request.Since is null ? null : false;
        if (since is not null && await channels.LastKnownAsync(address, since) is { } known && (stay is null || stay.Epoch == since.Epoch || known.Offset >= stay.Offset))
        {
            // What was stored instead of what the log has lost is not the past of whoever was there.
            return (known, recovered);
        }

        return (last == 0 ? await engine.Log.TopAsync(address) : await BeforeLastAsync(address, last), recovered);
    }

    /// <summary>The place before the last so many messages: page by page, for together they may be more than one socket is worth.</summary>
    private async ValueTask<Position> BeforeLastAsync(Address address, int count)
    {
        LogEntry? first = null;
        LogPage page;
        do
        {
            page = await engine.Log.ReadAsync(address, first?.Position, count, reverse: true);
            first = page.Entries.LastOrDefault() ?? first;
            count -= page.Entries.Count;
        }
        while (count > 0 && !page.End);
        return first?.Before ?? page.Top;
    }

    private static DuplexityError? ReadPlace(Position? since) => since is null or { Offset: >= 0 and < 1L << 53, Epoch: { Length: <= Wire.MaxNameLength } }
        ? null
        : DuplexityError.Of(Errors.InvalidRequest, "since has an offset from 0 and an epoch, as a position that was delivered.");

    private static DuplexityError? ReadCount(string field, int? count, int least) => count is null || (count >= least && count <= Wire.MaxPage)
        ? null
        : DuplexityError.Of(Errors.InvalidRequest, $"{char.ToLowerInvariant(field[0])}{field[1..]} is from {least} to {Wire.MaxPage}; {count} is not.");
}
