using System.Security.Claims;

namespace Duplexity.Server.Pipes;

/// <summary>
/// What holds in a channel: the settings for its name, narrowed by what its owner said. Asked by gates before anything is done, and again as it leaves. Thread-safe.
/// </summary>
internal sealed class RoomRules
{
    private readonly RoomPatterns _patterns;
    private readonly RoomBook _book;
    private readonly Who? _followers;
    private readonly string[] _followerWords;
    private readonly HashSet<string> _spelledOut;

    public RoomRules(RoomPatterns patterns, RoomBook book, DuplexityOptions options)
    {
        _patterns = patterns;
        _book = book;
        _followerWords = [.. options.Feeds.Followers ?? [Who.None]];
        Who.TryRead(_followerWords, out _followers, out _);
        _spelledOut = [.. options.Rooms.Keys.Where(pattern => !pattern.Contains('*'))];
    }

    /// <summary>Whether the settings name this very room: then it is the operator's, and nobody makes it by hand.</summary>
    public bool IsSpelledOut(string name) => _spelledOut.Contains(name);

    /// <summary>Who may follow a client, in words.</summary>
    public string[] FollowersOf(string client) => _book.Feed(client)?.Words ?? _followerWords;

    /// <summary>Whether a client may do something in a room, or with a feed; what is neither is none of our business.</summary>
    public bool Lets(RoomRight right, Address channel, string client, ClaimsPrincipal? principal) => channel.Kind switch
    {
        AddressKind.Room => LetsInRoom(right, channel.Name, client, principal),
        AddressKind.Feed => client == channel.Name || (right is RoomRight.Join or RoomRight.ReadHistory && (_book.Feed(channel.Name)?.Followers ?? _followers)?.Allows(client, principal, null) == true),
        _ => true,
    };

    /// <summary>Whether a client may see who is in a room or lockspace, or who follows it.</summary>
    public bool LetsSee(Address channel, string client, ClaimsPrincipal? principal) => channel.Kind == AddressKind.Lockspace || (channel.Kind is AddressKind.Room or AddressKind.Feed
        && Said(channel, r => r.Presence, (a, b) => a && b) != false
        && Lets(RoomRight.SeePresence, channel, client, principal));

    /// <summary>Whether joins and leaves are told as they happen.</summary>
    public bool Announces(Address channel) => Said(channel, r => r.Announcements, (a, b) => a && b) != false;

    /// <summary>The most clients; null: no bound.</summary>
    public int? MostMembers(Address channel) => Said(channel, r => r.Members, Math.Min);

    private bool LetsInRoom(RoomRight right, string name, string client, ClaimsPrincipal? principal)
    {
        var made = _book.Find(name);
        return made?.IsClosing != true
            && _patterns.Right(name, right).Allows(client, principal, made?.Owner)
            && (made is null || made.Owner == client || made.Right(right)?.Allows(client, principal, made.Owner) != false);
    }

    /// <summary>What the settings say and what the owner says, the stricter of both; null: neither says anything.</summary>
    private T? Said<T>(Address channel, Func<RoomOptions, T?> member, Func<T, T, T> stricter)
        where T : struct
    {
        if (channel.Kind != AddressKind.Room)
        {
            return null;
        }

        var (ofPattern, ofOwner) = (_patterns.First(channel.Name, member), _book.Find(channel.Name) is { } made ? member(made.Options) : null);
        return ofPattern is null ? ofOwner : ofOwner is null ? ofPattern : stricter(ofPattern.Value, ofOwner.Value);
    }
}
