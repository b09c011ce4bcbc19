using System.Runtime.CompilerServices;
using Duplexity.Protocol;
using Duplexity.Server.Hubs;
using Duplexity.Server.Pipes;
using static Duplexity.Server.ApplicationActing;

namespace Duplexity.Server;

/// <inheritdoc/>
internal sealed class InProcessRooms(RoomCalls rooms, ApplicationActing acting) : IDuplexityRooms
{
    public async Task<RoomInfo> CreateAsync(string room, RoomPolicy? policy = null, string? owner = null, CancellationToken ct = default) =>
        Accepted(await rooms.CreateAsync(acting.As(owner), new CreateRoomRequest { Name = room, Policy = policy }, ct)).Room!;

    public async Task<RoomInfo> ChangeAsync(string room, RoomPolicy? policy, CancellationToken ct = default) =>
        Accepted(await rooms.ChangeAsync(Itself, new ChangeRoomRequest { Name = room, Policy = policy }, ct)).Room!;

    public async Task RemoveAsync(string room, CancellationToken ct = default) => Accepted(await rooms.RemoveAsync(Itself, new RemoveRoomRequest { Name = room }, ct));

    public async IAsyncEnumerable<RoomInfo> ListAsync(string? client = null, [EnumeratorCancellation] CancellationToken ct = default)
    {
        for (string? after = null; ;)
        {
            ct.ThrowIfCancellationRequested();
            var page = Accepted(await rooms.ListAsync(Itself, new ListRoomsRequest { Client = client is null ? AllowanceRules.Everybody : Checked(client), After = after }));
            foreach (var room in page.Rooms!)
            {
                yield return room;
            }

            if ((after = page.Next) is null)
            {
                yield break;
            }
        }
    }
}
