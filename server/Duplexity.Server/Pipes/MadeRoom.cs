using System.Text.Json;
using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>A room that was made by hand, with what its owner said about it. Immutable.</summary>
internal sealed class MadeRoom
{
    private readonly Who?[] _rights;

    public MadeRoom(string owner, DateTimeOffset since, RoomPolicy? policy)
    {
        Owner = owner;
        Since = since;
        Policy = policy;
        Options = OptionsOf(policy);
        _rights = RoomRights.Read(Options);
    }

    public string Owner { get; }

    public DateTimeOffset Since { get; }

    public RoomPolicy? Policy { get; }

    /// <summary>The policy in the shape of the settings.</summary>
    public RoomOptions Options { get; }

    /// <summary>Whether it is being removed: nobody may do anything there any more.</summary>
    public bool IsClosing { get; init; }

    /// <summary>Who may do something, as the owner said; null: said nothing.</summary>
    public Who? Right(RoomRight right) => _rights[(int)right];

    /// <summary>A policy in the shape of the settings; what is wrong with it, <see cref="RoomOptionsCheck.Problems"/> says.</summary>
    public static RoomOptions OptionsOf(RoomPolicy? policy) => policy is null ? new() : new()
    {
        Join = policy.Join,
        Send = policy.Send,
        SeePresence = policy.SeePresence,
        ReadHistory = policy.ReadHistory,
        Retention = policy.RetentionMs is { } ms ? TimeSpan.FromMilliseconds(Math.Clamp(ms, 0, (long)TimeSpan.FromDays(36500).TotalMilliseconds)) : null,
        Messages = policy.Messages,
        Bytes = policy.Bytes,
        Ephemeral = policy.Ephemeral,
        LastValueOnly = policy.LastValueOnly,
        Presence = policy.Presence,
        Announcements = policy.Announcements,
        Members = policy.Members,
    };

    public static MadeRoom Read(string text) => JsonSerializer.Deserialize<Kept>(text) is { } kept ? new(kept.Owner, kept.Since, kept.Policy) : throw new JsonException("The record of a room is null.");

    public string Write() => JsonSerializer.Serialize(new Kept(Owner, Since, Policy));

    private sealed record Kept(string Owner, DateTimeOffset Since, RoomPolicy? Policy);
}
