using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Hubs;

/// <summary>What is left of a removed client's channels: the rooms that it made by hand, which nobody could change any more, with all that was said in them, and its word on who may follow it. Thread-safe.</summary>
internal sealed class LeftRooms(RoomBook book, RoomNews news, Listening listening, IEngine engine) : IBelongings
{
    private const string RemovedWithOwner = "The room was removed with its owner.";
    private const string OwnerRemoved = "Its owner was removed.";

    /// <inheritdoc/>
    public async ValueTask RemoveAsync(string client, CancellationToken ct)
    {
        foreach (var (name, room) in book.Rooms.Where(r => r.Value.Owner == client).ToArray())
        {
            // As RemoveRoom does, and again where that one ended halfway.
            var address = Address.Room(name);
            if (room.IsClosing || await book.TryChangeAsync(name, room, new MadeRoom(room.Owner, room.Since, room.Policy) { IsClosing = true }, ct))
            {
                await listening.EvictAsync(address, RemovedWithOwner);
                await news.ClosingAsync(address, RemovedWithOwner);
                await engine.Log.RemoveAsync(address, ct);
                await book.RemoveAsync(name, ct);
                await news.ChangedAsync(address, RemovedWithOwner);
            }
        }

        await book.SetFeedAsync(client, null, ct);
        await listening.EvictAsync(Address.Feed(client), OwnerRemoved);
        await news.ChangedAsync(Address.Feed(client), OwnerRemoved);
    }
}
