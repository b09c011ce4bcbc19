namespace Duplexity.Server;

/// <summary>
/// What rooms of a name pattern are like, and who may do what in them: <c>Duplexity:Rooms:PATTERN</c>. Read once at start.
/// <para>
/// Several patterns may match a room: the one that says most of the name (the most characters that are not <c>*</c>) comes first, and a member that it leaves out (null)
/// falls to the next one, at last to the default named here. A room that was made by hand can narrow all this for itself, never widen it.
/// </para>
/// <para>
/// Who may do something is a list of words, any of which is enough: <c>*</c> (everybody whose allowances cover the room), <c>nobody</c>, <c>owner</c> (who made the room by hand),
/// <c>role:NAME</c> (claim <c>role</c> or <c>roles</c>), <c>client:PATTERN</c> (<c>*</c> in it stands for any run of characters). An empty list is <c>nobody</c>. The application
/// itself (<see cref="IDuplexity"/>) is asked for none of it. Whoever is refused reads that the room is not there.
/// </para>
/// </summary>
public sealed class RoomOptions
{
    /// <summary>Who may join, and so hear what is said. Defaults to <c>*</c>: everybody whose allowance to join covers the room.</summary>
    public IList<string>? Join { get; set; }

    /// <summary>Who may send to it, and emit while standing in it. Defaults to <c>*</c>: everybody whose allowance to send covers the room.</summary>
    public IList<string>? Send { get; set; }

    /// <summary>Who may see who is there. Defaults to <c>*</c>: everybody whose allowance to join covers the room.</summary>
    public IList<string>? SeePresence { get; set; }

    /// <summary>
    /// Who may read what was said before. Defaults to <c>*</c>: everybody whose allowance to receive covers the room. For who may join and not read back the room begins with its Join: <c>since</c>
    /// answers <c>recovered: false</c>, <c>last</c> brings nothing, and so does a reconnect with what was said meanwhile.
    /// </summary>
    public IList<string>? ReadHistory { get; set; }

    /// <summary>How long a message is kept. Defaults to <see cref="TimeOptions.Retention"/>, 7 days.</summary>
    public TimeSpan? Retention { get; set; }

    /// <summary>How many messages are kept, oldest out first. Defaults to <see cref="LimitOptions.MessagesPerChannel"/>, 10,000.</summary>
    public int? Messages { get; set; }

    /// <summary>How many bytes of bodies are kept, oldest out first; the newest message always stays. Defaults to no bound of its own.</summary>
    public long? Bytes { get; set; }

    /// <summary>
    /// Messages are never on a disk and are kept for a minute at most: who is there hears them, who was away for a moment misses nothing, and nobody reads the past. Defaults to false. Excludes Retention.
    /// </summary>
    public bool? Ephemeral { get; set; }

    /// <summary>Only the newest message is kept: for a state, such as a price or a cursor, that the next one replaces. Defaults to false. Excludes Messages.</summary>
    public bool? LastValueOnly { get; set; }

    /// <summary>Whether the room tells who is in it at all. Defaults to true. Limits on the number of clients hold either way.</summary>
    public bool? Presence { get; set; }

    /// <summary>
    /// Whether joins and leaves are told as they happen (<c>PresenceChanged</c>) to those who asked for it. Defaults to true. False: who is there can be asked, and nobody is told of changes,
    /// for rooms in which nobody would read them.
    /// </summary>
    public bool? Announcements { get; set; }

    /// <summary>The most clients in the room, each counted once however many sockets it has there; one more is refused (<c>room_full</c>). Defaults to no bound of its own.</summary>
    public int? Members { get; set; }

    /// <summary>
    /// How old a client's token may be that sends to the room, joins it or reads it; an older one is challenged for a fresh one (<c>reauthenticate</c>). One that does not say when it was issued counts
    /// as older. Defaults to null: any that is good.
    /// </summary>
    public TimeSpan? Reauthenticate { get; set; }
}
