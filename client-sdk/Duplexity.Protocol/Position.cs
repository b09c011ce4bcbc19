using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using MessagePack;

namespace Duplexity;

/// <summary>
/// A place in a channel's log: the offset of an entry and the epoch <em>of that entry</em> (G2). The place before the first entry is
/// <see cref="Start"/>. A place is served only while the log still holds that very entry, so a place handed out never names another message.
/// </summary>
/// <param name="Offset">1 for the first entry of a channel, then one more for each; 0 is the place before the first. Below 2^53.</param>
/// <param name="Epoch">The incarnation of the store that wrote the entry; opaque; empty at offset 0.</param>
[MessagePackObject]
public sealed record Position([property: Key(0)] long Offset, [property: Key(1)] string Epoch) : IParsable<Position>
{
    /// <summary>The place before a channel's first entry.</summary>
    public static Position Start { get; } = new(0, "");

    /// <summary>Reads <c>OFFSET@EPOCH</c>, as the command line shows it.</summary>
    /// <exception cref="FormatException">The text is not a position.</exception>
    public static Position Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var position) ? position : throw new FormatException($"\"{VisibleText.Of(s, 64)}\" is not a position; write OFFSET@EPOCH.");

    /// <summary>Reads <c>OFFSET@EPOCH</c>; false where <see cref="Parse"/> would throw.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out Position result)
    {
        result = null;
        var at = s?.IndexOf('@') ?? -1;
        if (at <= 0 || !long.TryParse(s.AsSpan(0, at), NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
        {
            return false;
        }

        result = new Position(offset, s![(at + 1)..]);
        return true;
    }

    /// <summary><c>OFFSET@EPOCH</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Offset}@{Epoch}");
}
