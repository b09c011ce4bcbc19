using Duplexity.Protocol;

namespace Duplexity.Server;

/// <summary>Rooms by hand, from the application's own code. Rooms are also there by their use, without any of this. Thread-safe; a singleton, <see cref="IDuplexity.Rooms"/>.</summary>
public interface IDuplexityRooms
{
    /// <summary>Makes a room under a name that nobody uses; it is kept through restarts until it is removed.</summary>
    /// <param name="room">Its name, without <c>room:</c>.</param>
    /// <param name="policy">What holds in it; null: nothing but the settings for its name.</param>
    /// <param name="owner">Whose it is, a CID; null: the application's own.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="DuplexityException">The name cannot be (103) or is in use (205), the policy cannot be (102), or the owner has too many rooms (301) or was removed (205).</exception>
    Task<RoomInfo> CreateAsync(string room, RoomPolicy? policy = null, string? owner = null, CancellationToken ct = default);

    /// <summary>Says anew what holds in a room that was made by hand, whoever owns it. Who may not be there any more is made to leave; what is kept of its messages stays as it was made.</summary>
    /// <exception cref="DuplexityException">Nobody has made it (203), or the policy cannot be (102).</exception>
    Task<RoomInfo> ChangeAsync(string room, RoomPolicy? policy, CancellationToken ct = default);

    /// <summary>Removes a room that was made by hand, whoever owns it: all are made to leave, and its messages are gone.</summary>
    /// <exception cref="DuplexityException">Nobody has made it (203).</exception>
    Task RemoveAsync(string room, CancellationToken ct = default);

    /// <summary>Rooms by name; page by page, so that a long list is never in memory.</summary>
    /// <param name="client">Those that this client owns or stands in; null: all that were made by hand or are in use.</param>
    /// <param name="ct">Ends the list.</param>
    IAsyncEnumerable<RoomInfo> ListAsync(string? client = null, CancellationToken ct = default);
}
