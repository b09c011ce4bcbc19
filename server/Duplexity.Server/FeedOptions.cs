namespace Duplexity.Server;

/// <summary>Feeds, what clients emit: <c>Duplexity:Feeds</c>.</summary>
public sealed class FeedOptions
{
    /// <summary>
    /// Who may follow a client that has not said so itself (<c>duplexity followers</c>), in the words of <see cref="RoomOptions"/>. Defaults to <c>nobody</c>: what somebody emits goes also to the rooms in which
    /// it stands, and who speaks in a room of four does not expect a fifth to listen by another door. A client's own sockets hear it always.
    /// </summary>
    public IList<string>? Followers { get; set; }
}
