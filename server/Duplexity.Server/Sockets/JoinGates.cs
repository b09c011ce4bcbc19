using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>What decides whether a client may listen to a channel, or read it back: asked by Join and History, and by Explain. Thread-safe.</summary>
internal sealed class JoinGates(IEngine engine, RoomRules rooms, NewChannels newChannels)
{
    /// <summary>Which gates refuse a client to join a channel (to read it), in order; an error that is null lets pass.</summary>
    public (string Gate, DuplexityError? Error)[] Of(HeldIdentity held, Address address, bool isRead) =>
    [
        ("channel", address.Kind is AddressKind.Room or AddressKind.Feed or AddressKind.Lockspace || (address.Kind == AddressKind.Client && address.Name == held.Client) ? null : NotThere(address)),
        ("scope", isRead
            ? held.Rules.MayReceive(address) ? null : DuplexityError.Of(Errors.UnknownDestination, ScopeGate.Uncovered("receive", held.Rules.Shown.Receive, address.ToString()))
            : held.Rules.MayJoin(address) ? null : DuplexityError.Of(Errors.UnknownDestination, ScopeGate.Uncovered("join", held.Rules.Shown.Join, address.ToString()))),
        (address.Kind == AddressKind.Feed ? "feed" : "room", rooms.Lets(isRead ? RoomRight.ReadHistory : RoomRight.Join, address, held.Client, held.Identity.Principal)
            ? null
            : DuplexityError.Of(Errors.UnknownDestination, RoomGate.Refusal(isRead ? "read what was said" : "join", address))),
    ];

    /// <summary>Which gates refuse a client to see who is in a channel.</summary>
    public (string Gate, DuplexityError? Error)[] OfPresence(HeldIdentity held, Address address) =>
    [
        ("channel", address.Kind is AddressKind.Room or AddressKind.Feed or AddressKind.Lockspace ? null : NotThere(address)),
        ("scope", held.Rules.MayJoin(address) || (address.Kind == AddressKind.Feed && address.Name == held.Client)
            ? null
            : DuplexityError.Of(Errors.UnknownDestination, ScopeGate.Uncovered("join", held.Rules.Shown.Join, address.ToString()))),
        (address.Kind == AddressKind.Feed ? "feed" : "room", rooms.LetsSee(address, held.Client, held.Identity.Principal)
            ? null
            : DuplexityError.Of(Errors.UnknownDestination, RoomGate.Refusal("see who is there", address))),
    ];

    /// <summary>Which limits refuse a client that the gates let join, in order; an error that is null lets pass. Rooms have them, nothing else. A trial counts nothing.</summary>
    public async ValueTask<(string Gate, DuplexityError? Error)[]> LimitsOfAsync(Socket? socket, HeldIdentity held, Address address, bool isTrial = false)
    {
        if (address.Kind != AddressKind.Room)
        {
            return [];
        }

        var (rooms, full) = (RoomLimit(socket, held, address), await FullAsync(held, address));
        return
        [
            ("rooms_per_socket", rooms),
            (full?.Limit ?? Places(held, address)?.Limit ?? "members", full),
            ("new_channels_per_hour", (rooms ?? full) is null ? newChannels.Take(held.Client, address, isTrial) : null),
        ];
    }

    /// <summary>Reads a channel that a client wants to join (to read). Whatever refuses, it reads as not there.</summary>
    public DuplexityError? Read(string? channel, HeldIdentity held, bool isRead, out Address address)
    {
        if (!Address.TryRead(channel, out address, out var problem))
        {
            return DuplexityError.Of(Errors.InvalidAddress, problem);
        }

        return Refused(Of(held, address, isRead), address);
    }

    /// <summary>Reads a channel of which a client wants to know who is there.</summary>
    public DuplexityError? ReadPresence(string? channel, HeldIdentity held, out Address address) => Address.TryRead(channel, out address, out var problem)
        ? Refused(OfPresence(held, address), address)
        : DuplexityError.Of(Errors.InvalidAddress, problem);

    /// <summary>Whether the client is in all the rooms that it may be in from this socket; null: not yet, or the room is one of them.</summary>
    private static DuplexityError? RoomLimit(Socket? socket, HeldIdentity held, Address room)
    {
        var rooms = socket?.RoomsOf(held.Client) ?? [];
        return held.Rules.Limits.Rooms is { } most && rooms.Count >= most && !rooms.Contains(room)
            ? DuplexityError.Of(Errors.TooManyChannels, $"{VisibleText.Of(held.Client)} may be in {most} rooms from one socket; leave one first.") with { Limit = "rooms_per_socket", Used = rooms.Count }
            : null;
    }

    /// <summary>With how many others there a room has no place for this client, and by which limit; null: it always has one.</summary>
    public (int Most, string Limit)? Places(HeldIdentity held, Address room)
    {
        var ofAllowance = held.Rules.Limits.UsersPerRoom;
        var ofRoom = rooms.MostMembers(room);
        return (ofAllowance, ofRoom) switch
        {
            (null, null) => null,
            (not null, null) => (ofAllowance.Value, "users_per_room"),
            (null, not null) => (ofRoom.Value, "members"),
            _ => ofAllowance < ofRoom ? (ofAllowance.Value, "users_per_room") : (ofRoom.Value, "members"),
        };
    }

    /// <summary>Whether so many others are in a room that there is no place for this client; null: there is one.</summary>
    private async ValueTask<DuplexityError?> FullAsync(HeldIdentity held, Address room)
    {
        if (Places(held, room) is not { } places)
        {
            return null;
        }

        var others = (await engine.Presence.ReadAsync(room)).Members.Select(m => m.Client).Where(c => c != held.Client).Distinct().Count();
        return others < places.Most ? null : Full(room, places, others);
    }

    /// <summary>What is said of a room that has no place left.</summary>
    public static DuplexityError Full(Address room, (int Most, string Limit) places, int others)
    {
        var error = DuplexityError.Of(Errors.RoomFull, $"{VisibleText.Of(room.ToString())} is full: {others} others are there, and {places.Limit} is {places.Most}.");
        return error with { Limit = places.Limit, Used = others };
    }

    /// <summary>What is said of a channel that is not there, or not for this client.</summary>
    public static DuplexityError NotThere(Address address)
    {
        var shown = VisibleText.Of(address.ToString());
        return DuplexityError.Of(Errors.UnknownDestination, $"{shown} is not there, or is not yours to listen to; `duplexity explain join {shown}` shows which gate refuses.");
    }

    private static DuplexityError? Refused((string Gate, DuplexityError? Error)[] gates, Address address) =>
        Array.Find(gates, g => g.Error is not null) is { Error: not null } refused ? NotThere(address) with { Gate = refused.Gate } : null;
}
