namespace Duplexity.Reading;

/// <summary>What a message's place says, seen from the last place.</summary>
internal enum Sight
{
    /// <summary>It is the next one: take it.</summary>
    Follows,

    /// <summary>It was passed before: leave it.</summary>
    Repeats,

    /// <summary>Something that came before it is missing, or no place is known yet.</summary>
    Apart,
}

/// <summary>The rule of G9 by which a subscription knows what follows what: a gap is <c>after</c> other than the last place seen, nothing else.</summary>
internal static class Track
{
    public static Sight Look(Position? last, Position position, Position? after)
    {
        if (last is null)
        {
            return Sight.Apart;
        }

        // Left out, `after` is the offset before under the message's own epoch; before the first message that is the start, which has none (G2).
        if (after is null ? position.Offset == last.Offset + 1 && (position.Epoch == last.Epoch || last == Position.Start) : after == last)
        {
            return Sight.Follows;
        }

        return IsLate(last, position) ? Sight.Repeats : Sight.Apart;
    }

    /// <summary>Whether a place was passed before. A message there is a repeat, or where it follows the last place, one that was withheld and comes after all.</summary>
    public static bool IsLate(Position last, Position position) => position.Offset <= last.Offset && position.Epoch == last.Epoch;
}
