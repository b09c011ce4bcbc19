namespace Duplexity.Server.Pipes;

/// <summary>
/// <see cref="DuplexityOptions.Rooms"/>, read once: of the patterns that match a room, the one that says most of its name comes first, and what it leaves out the next one says. Nothing is kept for a
/// room, so that names cost nothing. Immutable.
/// </summary>
internal sealed class RoomPatterns
{
    private readonly Entry[] _entries;

    public RoomPatterns(DuplexityOptions options) => _entries = [.. options.Rooms
        .OrderByDescending(r => r.Key.Count(c => c != '*'))
        .ThenBy(r => r.Key.Length)
        .ThenBy(r => r.Key, StringComparer.Ordinal)
        .Select(r => new Entry(r.Key, r.Value, RoomRights.Read(r.Value)))];

    /// <summary>Who may do something in a room, by its patterns.</summary>
    public Who Right(string name, RoomRight right)
    {
        foreach (var entry in _entries)
        {
            if (entry.Rights[(int)right] is { } who && Pattern.Matches(entry.Pattern, name))
            {
                return who;
            }
        }

        return Who.Everybody;
    }

    /// <summary>What the first of a room's patterns says that says something; null: none does.</summary>
    public T? First<T>(string name, Func<RoomOptions, T?> member)
        where T : struct
    {
        foreach (var entry in _entries)
        {
            if (member(entry.Options) is { } said && Pattern.Matches(entry.Pattern, name))
            {
                return said;
            }
        }

        return null;
    }

    private sealed record Entry(string Pattern, RoomOptions Options, Who?[] Rights);
}

/// <summary>What a room lets some do and others not.</summary>
internal enum RoomRight
{
    /// <summary>Join it.</summary>
    Join,

    /// <summary>Send to it.</summary>
    Send,

    /// <summary>See who is there.</summary>
    SeePresence,

    /// <summary>Read what was said before.</summary>
    ReadHistory,
}

/// <summary>The four lists of a room, by <see cref="RoomRight"/>.</summary>
internal static class RoomRights
{
    /// <summary>Reads options that were checked; null where a list says nothing.</summary>
    public static Who?[] Read(RoomOptions options) => [Read(options.Join), Read(options.Send), Read(options.SeePresence), Read(options.ReadHistory)];

    private static Who? Read(IList<string>? words) => Who.TryRead(words is null ? null : [.. words], out var who, out var problem)
        ? who
        : throw new ArgumentException($"A room's list {problem}.", nameof(words));
}
