using MessagePack;

namespace Duplexity.Protocol;

/// <summary>
/// What the owner of a room that was made by hand says about it. A member that is left out says nothing: the server's settings for rooms of that name decide alone. What is said narrows them and
/// never widens: the stricter of the two holds. Lists are of words: <c>*</c>, <c>nobody</c>, <c>owner</c>, <c>role:NAME</c>, <c>client:PATTERN</c>; the owner passes its own lists always.
/// </summary>
[MessagePackObject]
public sealed record RoomPolicy
{
    /// <summary>Who may join.</summary>
    [Key(0)]
    public string[]? Join { get; init; }

    /// <summary>Who may send to it.</summary>
    [Key(1)]
    public string[]? Send { get; init; }

    /// <summary>Who may see who is there.</summary>
    [Key(2)]
    public string[]? SeePresence { get; init; }

    /// <summary>Who may read what was said before.</summary>
    [Key(3)]
    public string[]? ReadHistory { get; init; }

    /// <summary>How long a message is kept, in milliseconds.</summary>
    [Key(4)]
    public long? RetentionMs { get; init; }

    /// <summary>How many messages are kept.</summary>
    [Key(5)]
    public int? Messages { get; init; }

    /// <summary>How many bytes of messages are kept.</summary>
    [Key(6)]
    public long? Bytes { get; init; }

    /// <summary>Messages are never on a disk and kept for a minute at most.</summary>
    [Key(7)]
    public bool? Ephemeral { get; init; }

    /// <summary>Only the newest message is kept.</summary>
    [Key(8)]
    public bool? LastValueOnly { get; init; }

    /// <summary>Whether the room tells who is in it.</summary>
    [Key(9)]
    public bool? Presence { get; init; }

    /// <summary>Whether joins and leaves are told as they happen.</summary>
    [Key(10)]
    public bool? Announcements { get; init; }

    /// <summary>The most clients in the room.</summary>
    [Key(11)]
    public int? Members { get; init; }
}

/// <summary>
/// Makes a room by hand: the acting client is its owner from then on, through restarts, until it is removed. For a name that nobody uses: without members, without messages, and not one that the settings
/// spell out.
/// </summary>
[MessagePackObject]
public sealed record CreateRoomRequest : Request
{
    /// <summary>The room's name, without <c>room:</c>.</summary>
    [Key(1)]
    public string? Name { get; init; }

    /// <summary>What holds in it; absent: nothing but the server's settings.</summary>
    [Key(2)]
    public RoomPolicy? Policy { get; init; }
}

/// <summary>
/// Says anew what holds in a room, as its owner or who may administer the owner. Who may not be there any more is made to leave. What is kept of the messages stays as the room was made: the members
/// <c>retentionMs</c>, <c>messages</c>, <c>bytes</c>, <c>ephemeral</c> and <c>lastValueOnly</c> are those of before, or left out.
/// </summary>
[MessagePackObject]
public sealed record ChangeRoomRequest : Request
{
    /// <summary>The room's name.</summary>
    [Key(1)]
    public string? Name { get; init; }

    /// <summary>What holds in it from now on; absent: nothing but the server's settings.</summary>
    [Key(2)]
    public RoomPolicy? Policy { get; init; }
}

/// <summary>Removes a room that was made by hand, as its owner or who may administer the owner: all are made to leave, its messages are gone, and the name is free.</summary>
[MessagePackObject]
public sealed record RemoveRoomRequest : Request
{
    /// <summary>The room's name.</summary>
    [Key(1)]
    public string? Name { get; init; }
}

/// <summary>Answers CreateRoom and ChangeRoom.</summary>
[MessagePackObject]
public sealed record RoomResponse : Answer
{
    /// <summary>The room.</summary>
    [Key(1)]
    public RoomInfo? Room { get; init; }
}

/// <summary>Lists the rooms that the acting client owns or stands in, by name.</summary>
[MessagePackObject]
public sealed record ListRoomsRequest : Request
{
    /// <summary>For an administrator: whose, a CID, or <c>*</c> for all that were made by hand or are in use; absent: the acting client's own.</summary>
    [Key(1)]
    public string? Client { get; init; }

    /// <summary>Those behind this name; absent: from the first.</summary>
    [Key(2)]
    public string? After { get; init; }
}

/// <summary>Answers ListRooms.</summary>
[MessagePackObject]
public sealed record ListRoomsResponse : Answer
{
    /// <summary>The rooms by name, 100 at most.</summary>
    [Key(1)]
    public RoomInfo[]? Rooms { get; init; }

    /// <summary>Where to go on; absent at the end.</summary>
    [Key(2)]
    public string? Next { get; init; }
}

/// <summary>A room as its owner, its members or an administrator see it.</summary>
[MessagePackObject]
public sealed record RoomInfo
{
    /// <summary>The room's name, without <c>room:</c>.</summary>
    [Key(0)]
    public string Name { get; init; } = "";

    /// <summary>The client that made it; absent: it is there by use.</summary>
    [Key(1)]
    public string? Owner { get; init; }

    /// <summary>When it was made by hand, in milliseconds since 1970 UTC.</summary>
    [Key(2)]
    public long? Since { get; init; }

    /// <summary>What its owner said about it; for the owner and administrators only.</summary>
    [Key(3)]
    public RoomPolicy? Policy { get; init; }

    /// <summary>How many clients are there; absent for who may not see that.</summary>
    [Key(4)]
    public int? Count { get; init; }

    /// <summary>Whether the client that is asked about stands in it.</summary>
    [Key(5)]
    public bool Joined { get; init; }
}

/// <summary>Says who may follow the acting client's feed. Who may not any more is made to leave. Kept through restarts.</summary>
[MessagePackObject]
public sealed record SetFeedRequest : Request
{
    /// <summary>Words as in <see cref="RoomPolicy"/>; absent: as the server's settings say, which is nobody unless the operator decided otherwise.</summary>
    [Key(1)]
    public string[]? Followers { get; init; }

    /// <summary>Only tell what holds; change nothing.</summary>
    [Key(2)]
    public bool? Look { get; init; }
}

/// <summary>Answers SetFeed.</summary>
[MessagePackObject]
public sealed record SetFeedResponse : Answer
{
    /// <summary>Who may follow.</summary>
    [Key(1)]
    public string[]? Followers { get; init; }
}
