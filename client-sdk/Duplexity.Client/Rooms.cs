using System.Runtime.CompilerServices;
using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>Rooms as things that can be made, changed, removed and listed; to be in one, see <see cref="DuplexityConnection.JoinAsync"/>. Thread-safe.</summary>
public sealed class Rooms
{
    private readonly DuplexityConnection _connection;
    private readonly Calls<ControlLink> _control;

    internal Rooms(DuplexityConnection connection, Calls<ControlLink> control)
    {
        _connection = connection;
        _control = control;
    }

    /// <summary>Makes a room by hand: this client owns it until it is removed. For a name that nobody uses.</summary>
    /// <param name="name">The room's name, without <c>room:</c>.</param>
    /// <param name="policy">What holds in it; null: nothing but the server's settings.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">The name is taken (<see cref="Errors.NameTaken"/>), the policy cannot be, this client has made too many, or there was no answer in time.</exception>
    public async Task<RoomInfo> CreateAsync(string name, RoomPolicy? policy = null, CancellationToken ct = default)
    {
        _connection.NeedControl();
        var (_, answer) = await _control.AskAsync(c => c.Hub.CreateRoom(new CreateRoomRequest { As = c.Client, Name = name, Policy = policy }), ct).ConfigureAwait(false);
        return answer.Room!;
    }

    /// <summary>Says anew what holds in a room of this client's; who may not be there any more is made to leave.</summary>
    /// <exception cref="DuplexityException">It is not this client's room, the policy cannot be, or there was no answer in time.</exception>
    public async Task<RoomInfo> ChangeAsync(string name, RoomPolicy? policy, CancellationToken ct = default)
    {
        _connection.NeedControl();
        var (_, answer) = await _control.AskAsync(c => c.Hub.ChangeRoom(new ChangeRoomRequest { As = c.Client, Name = name, Policy = policy }), ct).ConfigureAwait(false);
        return answer.Room!;
    }

    /// <summary>Removes a room of this client's: all are made to leave, and its messages are gone.</summary>
    /// <exception cref="DuplexityException">It is not this client's room, or there was no answer in time.</exception>
    public async Task RemoveAsync(string name, CancellationToken ct = default)
    {
        _connection.NeedControl();
        await _control.AskAsync(c => c.Hub.RemoveRoom(new RemoveRoomRequest { As = c.Client, Name = name }), ct).ConfigureAwait(false);
    }

    /// <summary>The rooms that this client owns or stands in, by name; fetched page by page as they are read.</summary>
    /// <param name="client">For an administrator: whose, a CID, or <c>*</c> for all that were made by hand or are in use; null: this client's own.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async IAsyncEnumerable<RoomInfo> ListAsync(string? client = null, [EnumeratorCancellation] CancellationToken ct = default)
    {
        _connection.NeedControl();
        string? after = null;
        do
        {
            var (_, page) = await _control.AskAsync(c => c.Hub.ListRooms(new ListRoomsRequest { As = c.Client, Client = client, After = after }), ct).ConfigureAwait(false);
            foreach (var room in page.Rooms ?? [])
            {
                yield return room;
            }

            after = page.Next;
        }
        while (after is not null);
    }
}

/// <summary>Who may follow this client's feed: what it emits. Thread-safe.</summary>
public sealed class Followers
{
    private readonly DuplexityConnection _connection;
    private readonly Calls<ControlLink> _control;

    internal Followers(DuplexityConnection connection, Calls<ControlLink> control)
    {
        _connection = connection;
        _control = control;
    }

    /// <summary>Who may follow now, in words: <c>*</c>, <c>nobody</c>, <c>role:NAME</c>, <c>client:PATTERN</c>.</summary>
    /// <exception cref="DuplexityException">There was no answer in time.</exception>
    public Task<IReadOnlyList<string>> GetAsync(CancellationToken ct = default) => AskAsync(new SetFeedRequest { Look = true }, ct);

    /// <summary>Says who may follow; null: as the server's settings say. Who may not any more is made to leave. Answers what holds now.</summary>
    /// <exception cref="DuplexityException">A word says nobody, or there was no answer in time.</exception>
    public Task<IReadOnlyList<string>> SetAsync(IReadOnlyCollection<string>? words, CancellationToken ct = default) => AskAsync(new SetFeedRequest { Followers = words is null ? null : [.. words] }, ct);

    private async Task<IReadOnlyList<string>> AskAsync(SetFeedRequest request, CancellationToken ct)
    {
        _connection.NeedControl();
        var (_, answer) = await _control.AskAsync(c => c.Hub.SetFeed(request with { As = c.Client }), ct).ConfigureAwait(false);
        return answer.Followers ?? [];
    }
}
