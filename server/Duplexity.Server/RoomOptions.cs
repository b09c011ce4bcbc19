namespace Duplexity.Server;

/// <summary>What rooms of a name pattern are like: <c>Duplexity:Rooms:PATTERN</c>, such as <c>Duplexity:Rooms:board-*</c>; <c>*</c> stands for any run of characters. Read once at start.</summary>
public sealed class RoomOptions
{
    /// <summary>
    /// How old a client's token may be that sends to the room, joins it or reads it; an older one is challenged for a fresh one (<c>reauthenticate</c>). One that does not say when it was issued counts
    /// as older. Of several patterns that match, the one that says most of the name decides. Defaults to null: any that is good.
    /// </summary>
    public TimeSpan? Reauthenticate { get; set; }
}
