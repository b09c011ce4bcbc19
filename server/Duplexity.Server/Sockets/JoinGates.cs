using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>What decides whether a client may listen to a channel, or read it back: asked by Join and History, and by Explain. Thread-safe.</summary>
internal sealed class JoinGates(IEngine engine)
{
    /// <summary>Which gates refuse a client to join a channel (to read it), in order; an error that is null lets pass.</summary>
    public static (string Gate, DuplexityError? Error)[] Of(HeldIdentity held, Address address, bool isRead) =>
    [
        ("channel", address.Kind is AddressKind.Room or AddressKind.Feed or AddressKind.Lockspace || (address.Kind == AddressKind.Client && address.Name == held.Client) ? null : NotThere(address)),
        ("scope", isRead
            ? held.Rules.MayReceive(address) ? null : DuplexityError.Of(Errors.UnknownDestination, ScopeGate.Uncovered("receive", held.Rules.Shown.Receive, address.ToString()))
            : held.Rules.MayJoin(address) ? null : DuplexityError.Of(Errors.UnknownDestination, ScopeGate.Uncovered("join", held.Rules.Shown.Join, address.ToString()))),
    ];

    /// <summary>Reads a channel that a client wants to join (to read). Whatever refuses, it reads as not there.</summary>
    public static DuplexityError? Read(string? channel, HeldIdentity held, bool isRead, out Address address)
    {
        if (!Address.TryRead(channel, out address, out var problem))
        {
            return DuplexityError.Of(Errors.InvalidAddress, problem);
        }

        return Array.Find(Of(held, address, isRead), g => g.Error is not null) is { Error: not null } refused ? NotThere(address) with { Gate = refused.Gate } : null;
    }

    /// <summary>Whether the client is in all the rooms that it may be in from this socket; null: not yet, or the room is one of them.</summary>
    public static DuplexityError? RoomLimit(Socket? socket, HeldIdentity held, Address room)
    {
        var rooms = socket?.RoomsOf(held.Client) ?? [];
        return held.Rules.Limits.Rooms is { } most && rooms.Count >= most && !rooms.Contains(room)
            ? DuplexityError.Of(Errors.TooManyChannels, $"{VisibleText.Of(held.Client)} may be in {most} rooms from one socket; leave one first.") with { Limit = "rooms_per_socket", Used = rooms.Count }
            : null;
    }

    /// <summary>Whether so many others are in a room that this client's allowance has no place for it; null: there is one.</summary>
    public async ValueTask<DuplexityError?> FullAsync(HeldIdentity held, Address room)
    {
        if (held.Rules.Limits.UsersPerRoom is not { } most)
        {
            return null;
        }

        var others = (await engine.Presence.ReadAsync(room)).Members.Select(m => m.Client).Where(c => c != held.Client).Distinct().Count();
        return others < most
            ? null
            : DuplexityError.Of(Errors.RoomFull, $"{VisibleText.Of(room.ToString())} is full: {others} others are there; this client's allowance takes {most} together.") with { Limit = "users_per_room", Used = others };
    }

    /// <summary>What is said of a channel that is not there, or not for this client.</summary>
    public static DuplexityError NotThere(Address address)
    {
        var shown = VisibleText.Of(address.ToString());
        return DuplexityError.Of(Errors.UnknownDestination, $"{shown} is not there, or is not yours to listen to; `duplexity explain join {shown}` shows which gate refuses.");
    }
}
