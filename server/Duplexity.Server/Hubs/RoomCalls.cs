using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Hubs;

/// <summary>
/// Rooms by hand, and who may follow a feed. The right is the acting client's alone (G10): what it owns, or what belongs to whom it may administer. A room that is neither reads as not there. Thread-safe.
/// </summary>
internal sealed class RoomCalls(
    IEngine engine, ChannelIndex channels, SocketIndex sockets, RoomBook book, RoomNews news, RoomRules rules, RoomPatterns patterns, NewChannels newChannels, Listening listening, Administration administration,
    TimeProvider time, DuplexityOptions options)
{
    private const string BelongsToSomebody = "The room belongs to somebody now, who does not let this client join.";
    private const string NotAllowed = "The room's owner does not let this client be there any more.";
    private const string Removed = "The room was removed by its owner.";
    private const string NotFollowing = "Its owner does not let this client follow any more.";

    /// <summary>Rooms of one page of a list.</summary>
    private const int Page = 100;

    public async Task<RoomResponse> CreateAsync(HeldIdentity acting, CreateRoomRequest request, CancellationToken ct)
    {
        if ((ReadName(request.Name, out var address) ?? ReadPolicy(request.Policy)) is { } wrong)
        {
            return new() { Error = wrong };
        }

        var owner = acting.Client;
        if (!acting.IsServer && (!acting.Rules.MayJoin(address) || !acting.Rules.MaySend(address) || !patterns.Right(address.Name, RoomRight.Join).Allows(owner, acting.Identity.Principal, owner)))
        {
            return new() { Error = JoinGates.NotThere(address) };
        }

        if (!acting.IsServer && newChannels.TakeNew(owner, address) is { } tooMany)
        {
            return new() { Error = tooMany };
        }

        if (book.CountOf(owner) is var owned && owned >= options.Limits.RoomsPerOwner)
        {
            return new() { Error = DuplexityError.Of(Errors.TooManyChannels, $"{VisibleText.Of(owner)} owns {owned} rooms; remove one first.") with { Limit = "rooms_per_owner", Used = owned } };
        }

        if ((rules.IsSpelledOut(address.Name) && !acting.Rules.MayAdministerAll) || await IsUsedAsync(address, owner, ct))
        {
            return new() { Error = Taken(address) };
        }

        // Closed at first: then nobody comes or says anything while this looks again, and makes it.
        var room = new MadeRoom(owner, time.GetUtcNow(), request.Policy);
        var closed = new MadeRoom(owner, room.Since, request.Policy) { IsClosing = true };
        if (!await book.TryAddAsync(address.Name, closed, ct))
        {
            return new() { Error = Taken(address) };
        }

        await news.ChangedAsync(address, BelongsToSomebody);
        if (await IsUsedAsync(address, owner, ct))
        {
            await book.RemoveAsync(address.Name, ct);
            await news.ChangedAsync(address, BelongsToSomebody);
            return new() { Error = Taken(address) };
        }

        // Nothing is kept of a room of that name; an engine that remembers one asks anew how long to keep what.
        await engine.Log.RemoveAsync(address, ct);
        await book.TryChangeAsync(address.Name, closed, room, ct);
        await listening.EvictAsync(address, BelongsToSomebody);
        return new() { Room = await InfoAsync(acting, address, owner) };
    }

    public async Task<RoomResponse> ChangeAsync(HeldIdentity acting, ChangeRoomRequest request, CancellationToken ct)
    {
        if ((ReadName(request.Name, out var address) ?? ReadPolicy(request.Policy)) is { } wrong)
        {
            return new() { Error = wrong };
        }

        if (Owned(acting, address) is not { } before)
        {
            return new() { Error = NotOwned(address) };
        }

        if (Kept(before.Policy) != Kept(request.Policy))
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, "What a room keeps of its messages (retentionMs, messages, bytes, ephemeral, lastValueOnly) is said when it is made, and stays; say it as it was, or remove the room and make it anew.") };
        }

        if (!await book.TryChangeAsync(address.Name, before, new MadeRoom(before.Owner, before.Since, request.Policy), ct))
        {
            return new() { Error = DuplexityError.Of(Errors.Unavailable, "Somebody else changed the room at the same moment; look at it and try again.") };
        }

        await listening.EvictAsync(address, NotAllowed);
        await news.ChangedAsync(address, NotAllowed);
        return new() { Room = await InfoAsync(acting, address, acting.Client) };
    }

    public async Task<Done> RemoveAsync(HeldIdentity acting, RemoveRoomRequest request, CancellationToken ct)
    {
        if (ReadName(request.Name, out var address) is { } wrong)
        {
            return new() { Error = wrong };
        }

        // Again, too, where it ended halfway: a room that is closing is nobody's to change, but its owner's to be rid of.
        if (Owned(acting, address, evenClosing: true) is not { } room || (!room.IsClosing && !await book.TryChangeAsync(address.Name, room, new MadeRoom(room.Owner, room.Since, room.Policy) { IsClosing = true }, ct)))
        {
            return new() { Error = NotOwned(address) };
        }

        // Nobody gets in or says anything any more; then those go who are there, then what they said, and only then the name.
        await listening.EvictAsync(address, Removed);
        await news.ClosingAsync(address, Removed);
        await engine.Log.RemoveAsync(address, ct);
        await book.RemoveAsync(address.Name, ct);
        await news.ChangedAsync(address, Removed);
        return new();
    }

    public async Task<ListRoomsResponse> ListAsync(HeldIdentity acting, ListRoomsRequest request)
    {
        if (administration.Whose(acting, request.Client, out var client) is { } refused)
        {
            return new() { Error = refused };
        }

        var owned = book.Rooms.Where(r => client is null || r.Value.Owner == client).Select(r => r.Key);
        var stoodIn = client is null
            ? channels.Addresses.Where(a => a.Kind == AddressKind.Room)
            : sockets.OfClient(client).SelectMany(s => s.RoomsOf(client));
        string[] names = [.. owned.Concat(stoodIn.Select(a => a.Name)).Distinct().Where(n => request.After is null || string.CompareOrdinal(n, request.After) > 0).Order(StringComparer.Ordinal).Take(Page + 1)];
        var rooms = new List<RoomInfo>();
        foreach (var name in names.Take(Page))
        {
            rooms.Add(await InfoAsync(acting, Address.Room(name), client));
        }

        return new() { Rooms = [.. rooms], Next = names.Length > Page ? names[Page - 1] : null };
    }

    public async Task<SetFeedResponse> SetFeedAsync(HeldIdentity acting, SetFeedRequest request, CancellationToken ct)
    {
        if (request.Look != true)
        {
            if (!Who.TryRead(request.Followers, out _, out var problem))
            {
                return new() { Error = DuplexityError.Of(Errors.InvalidRequest, $"followers {problem}.") };
            }

            await book.SetFeedAsync(acting.Client, request.Followers, ct);
            await listening.EvictAsync(Address.Feed(acting.Client), NotFollowing);
            await news.ChangedAsync(Address.Feed(acting.Client), NotFollowing);
        }

        return new() { Followers = rules.FollowersOf(acting.Client) };
    }

    private static DuplexityError? ReadName(string? name, out Address address)
    {
        if (Address.TryRead($"room:{name}", out address, out var problem))
        {
            return null;
        }

        return DuplexityError.Of(Errors.InvalidAddress, problem);
    }

    private static DuplexityError? ReadPolicy(RoomPolicy? policy)
    {
        if (RoomOptionsCheck.Problems(MadeRoom.OptionsOf(policy)).FirstOrDefault() is not { } problem)
        {
            return null;
        }

        return DuplexityError.Of(Errors.InvalidRequest, $"The policy cannot be: {problem}.");
    }

    private static DuplexityError Taken(Address address) =>
        DuplexityError.Of(Errors.NameTaken, $"{VisibleText.Of(address.ToString())} is in use, or is somebody's already; a room is made by hand under a name that nobody uses.");

    private static DuplexityError NotOwned(Address address) =>
        DuplexityError.Of(Errors.UnknownDestination, $"{VisibleText.Of(address.ToString())} is not there, or is not yours to change.");

    /// <summary>What of a policy is about what is kept.</summary>
    private static RoomPolicy Kept(RoomPolicy? policy) => new()
    {
        RetentionMs = policy?.RetentionMs,
        Messages = policy?.Messages,
        Bytes = policy?.Bytes,
        Ephemeral = policy?.Ephemeral == true,
        LastValueOnly = policy?.LastValueOnly == true,
    };

    /// <summary>A room that is the acting client's to change; null: there is none, or it is another one's.</summary>
    private MadeRoom? Owned(HeldIdentity acting, Address address, bool evenClosing = false) => book.Find(address.Name) is { } room && (evenClosing || !room.IsClosing) && (room.Owner == acting.Client || acting.Rules.MayAdminister(room.Owner))
        ? room
        : null;

    /// <summary>Whether others are in a room, or something is kept that was said there.</summary>
    private async ValueTask<bool> IsUsedAsync(Address room, string owner, CancellationToken ct) =>
        (await engine.Presence.ReadAsync(room, ct)).Members.Any(m => m.Client != owner) || (await engine.Log.ReadAsync(room, null, 1, ct: ct)).Entries.Count > 0;

    private async ValueTask<RoomInfo> InfoAsync(HeldIdentity acting, Address room, string? client)
    {
        var made = book.Find(room.Name);
        var isOpen = made is not null && (made.Owner == acting.Client || acting.Rules.MayAdminister(made.Owner));
        return new RoomInfo
        {
            Name = room.Name,
            Owner = made?.Owner,
            Since = made?.Since.ToUnixTimeMilliseconds(),
            Policy = isOpen ? made!.Policy : null,
            Count = rules.LetsSee(room, acting.Client, acting.Identity.Principal) || acting.Rules.MayAdministerAll ? (await engine.Presence.ReadAsync(room)).Count : null,
            Joined = client is not null && sockets.OfClient(client).Any(s => s.Listens(room, client)),
        };
    }
}
