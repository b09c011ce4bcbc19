using System.Runtime.CompilerServices;
using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>Rooms as things that can be made, changed, removed and listed; to be in one, see <see cref="DuplexityConnection.JoinAsync"/>. Thread-safe.</summary>
public sealed class Rooms
{
    private readonly ControlCalls _control;

    internal Rooms(ControlCalls control) => _control = control;

    /// <summary>Makes a room by hand: the acting client owns it until it is removed. For a name that nobody uses.</summary>
    /// <param name="name">The room's name, without <c>room:</c>.</param>
    /// <param name="policy">What holds in it; null: nothing but the server's settings.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">The name is taken (<see cref="Errors.NameTaken"/>), the policy cannot be, the client has made too many, or there was no answer in time.</exception>
    public async Task<RoomInfo> CreateAsync(string name, RoomPolicy? policy = null, AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, client) => hub.CreateRoom(new CreateRoomRequest { As = client, Name = name, Policy = policy }), ct).ConfigureAwait(false)).Room!;

    /// <summary>Says anew what holds in a room of the client's; who may not be there any more is made to leave.</summary>
    /// <param name="name">The room's name, without <c>room:</c>.</param>
    /// <param name="policy">What holds in it from now on; null: nothing but the server's settings.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">It is not this client's room, the policy cannot be, or there was no answer in time.</exception>
    public async Task<RoomInfo> ChangeAsync(string name, RoomPolicy? policy, AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, client) => hub.ChangeRoom(new ChangeRoomRequest { As = client, Name = name, Policy = policy }), ct).ConfigureAwait(false)).Room!;

    /// <summary>Removes a room of the client's: all are made to leave, and its messages are gone.</summary>
    /// <exception cref="DuplexityException">It is not this client's room, or there was no answer in time.</exception>
    public Task RemoveAsync(string name, AskOptions? options = null, CancellationToken ct = default) =>
        _control.AskAsync(options, (hub, client) => hub.RemoveRoom(new RemoveRoomRequest { As = client, Name = name }), ct);

    /// <summary>The rooms that the client owns or stands in, by name; fetched page by page as they are read.</summary>
    /// <param name="options">As whom, and whose; with <c>*</c> all that were made by hand or are in use.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async IAsyncEnumerable<RoomInfo> ListAsync(AskOptions? options = null, [EnumeratorCancellation] CancellationToken ct = default)
    {
        string? after = null;
        do
        {
            var page = await _control.AskAsync(
                options, (hub, client) => hub.ListRooms(new ListRoomsRequest { As = client, Client = options?.Client, After = after }), ct).ConfigureAwait(false);
            foreach (var room in page.Rooms ?? [])
            {
                yield return room;
            }

            after = page.Next;
        }
        while (after is not null);
    }
}

/// <summary>Who may follow a client's feed: what it emits. Thread-safe.</summary>
public sealed class Followers
{
    private readonly ControlCalls _control;

    internal Followers(ControlCalls control) => _control = control;

    /// <summary>Who may follow now, in words: <c>*</c>, <c>nobody</c>, <c>role:NAME</c>, <c>client:PATTERN</c>.</summary>
    /// <exception cref="DuplexityException">There was no answer in time.</exception>
    public Task<IReadOnlyList<string>> GetAsync(AskOptions? options = null, CancellationToken ct = default) => AskAsync(new SetFeedRequest { Look = true }, options, ct);

    /// <summary>Says who may follow; null: as the server's settings say. Who may not any more is made to leave. Answers what holds now.</summary>
    /// <param name="words">Words, any of which is enough.</param>
    /// <param name="options">As whom: whose feed it is.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">A word says nobody, or there was no answer in time.</exception>
    public Task<IReadOnlyList<string>> SetAsync(IReadOnlyCollection<string>? words, AskOptions? options = null, CancellationToken ct = default) =>
        AskAsync(new SetFeedRequest { Followers = words is null ? null : [.. words] }, options, ct);

    private async Task<IReadOnlyList<string>> AskAsync(SetFeedRequest request, AskOptions? options, CancellationToken ct) =>
        (await _control.AskAsync(options, (hub, client) => hub.SetFeed(request with { As = client }), ct).ConfigureAwait(false)).Followers ?? [];
}
