using Duplexity.Protocol;
using Duplexity.Server.Hubs;

namespace Duplexity.Server.Api;

/// <summary>Rooms by hand, and who may follow the own feed: what the control hub does, asked by HTTP.</summary>
internal sealed class RoomRoutes(RoomCalls rooms)
{
    private static readonly ApiParameter Room = new("room", "string", "The room's name, without `room:`; a slash in it is written `%2F`.", IsInPath: true);

    public ApiRoute[] All { get; } =
    [
        new("POST", "/rooms", "createRoom", "Makes a room by hand: the acting client owns it from then on.", typeof(RoomResponse))
        {
            Takes = typeof(CreateRoomRequest), Needs = ["name"], Handle = async call => await rooms.CreateAsync(call.Acting, await call.ReadAsync<CreateRoomRequest>(), CancellationToken.None),
        },
        new("GET", "/rooms", "listRooms", "The rooms that the acting client owns or stands in, by name, a page at a time; or those of whom it may administer.", typeof(ListRoomsResponse))
        {
            Parameters = [new("client", "string", "Whose: a CID, or `*` for all that were made by hand or are in use, for an administrator; absent: the acting client's own."), new("after", "string", "Those behind this name; absent: from the first.")],
            Handle = async call => await rooms.ListAsync(call.Acting, new ListRoomsRequest { Client = call.Query("client"), After = call.Query("after") }),
        },
        new("PUT", "/rooms/{room}", "changeRoom", "Says anew what holds in a room, as its owner or who may administer the owner. What is kept of its messages stays as the room was made.", typeof(RoomResponse))
        {
            Parameters = [Room],
            Takes = typeof(RoomPolicy),
            Handle = async call => await rooms.ChangeAsync(call.Acting, new ChangeRoomRequest { Name = call.Path("room"), Policy = await call.ReadAsync<RoomPolicy>() }, CancellationToken.None),
        },
        new("DELETE", "/rooms/{room}", "removeRoom", "Removes a room that was made by hand: all are made to leave, its messages are gone, and the name is free.", typeof(Done)) { Parameters = [Room], Handle = RemoveAsync(rooms) },
        new("POST", "/feed", "setFeed", "Says who may follow the acting client's feed, or with `look` only tells what holds.", typeof(SetFeedResponse))
        {
            Takes = typeof(SetFeedRequest), Handle = async call => await rooms.SetFeedAsync(call.Acting, await call.ReadAsync<SetFeedRequest>(), CancellationToken.None),
        },
    ];

    private static Func<ApiCall, Task<Answer>> RemoveAsync(RoomCalls rooms) => async call =>
    {
        await call.ReadNothingAsync();
        return await rooms.RemoveAsync(call.Acting, new RemoveRoomRequest { Name = call.Path("room") }, CancellationToken.None);
    };
}
