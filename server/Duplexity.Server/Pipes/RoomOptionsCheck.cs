using Microsoft.Extensions.Options;

namespace Duplexity.Server.Pipes;

/// <summary>Refuses to start with rooms that cannot be as they are described; each refusal says what to set.</summary>
internal sealed class RoomOptionsCheck : IValidateOptions<DuplexityOptions>
{
    private const string Kind = "room:";

    public ValidateOptionsResult Validate(string? name, DuplexityOptions options)
    {
        List<string> problems = [.. options.Rooms.SelectMany(room => ProblemsOf(room.Key, room.Value))];
        if (!Who.TryRead(options.Feeds.Followers is { } followers ? [.. followers] : null, out _, out var problem))
        {
            problems.Add($"Duplexity:Feeds:Followers {problem}.");
        }

        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    /// <summary>What is wrong with options that name themselves; in words that go behind a path or a member's name.</summary>
    public static IEnumerable<string> Problems(RoomOptions room)
    {
        foreach (var (member, words) in new[] { ("Join", room.Join), ("Send", room.Send), ("SeePresence", room.SeePresence), ("ReadHistory", room.ReadHistory) })
        {
            if (!Who.TryRead(words is null ? null : [.. words], out _, out var problem))
            {
                yield return $"{member} {problem}";
            }
        }

        if (room.Retention <= TimeSpan.Zero)
        {
            yield return "Retention is not longer than nothing; Ephemeral keeps the least";
        }

        foreach (var (member, count) in new (string, long?)[] { ("Messages", room.Messages), ("Bytes", room.Bytes), ("Members", room.Members) })
        {
            if (count < 1)
            {
                yield return $"{member} is {count}; give 1 or more, or leave it out";
            }
        }

        if (room.Ephemeral == true && room.Retention is not null)
        {
            yield return "Ephemeral keeps a message for a minute at most; leave out Retention";
        }

        if (room.LastValueOnly == true && room.Messages is not null)
        {
            yield return "LastValueOnly keeps one message; leave out Messages";
        }
    }

    private static IEnumerable<string> ProblemsOf(string pattern, RoomOptions? room)
    {
        var path = $"Duplexity:Rooms:{pattern}";
        if (pattern.Length is 0 or > Pattern.MaxLength || pattern.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)))
        {
            yield return $"{path}: this is no pattern of a room's name: 1 to {Pattern.MaxLength} characters, without white space and control characters.";
        }

        if (pattern.StartsWith(Kind, StringComparison.OrdinalIgnoreCase))
        {
            yield return $"{path}: a pattern is of the name alone; leave out \"{Kind}\".";
        }

        foreach (var problem in room is null ? [] : Problems(room))
        {
            yield return $"{path}:{problem}.";
        }
    }
}
