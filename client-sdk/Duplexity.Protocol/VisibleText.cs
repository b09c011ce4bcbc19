using System.Globalization;
using System.Text;

namespace Duplexity;

/// <summary>
/// The one way by which text that came over the wire reaches a terminal, a log or an error sentence (G25): control characters, escape
/// sequences, direction marks and broken UTF-16 become visible, so that the text stays on one line and drives nothing.
/// </summary>
public static class VisibleText
{
    /// <summary>How much of a value a log shows, in characters.</summary>
    public const int LogLength = 256;

    /// <summary>
    /// <paramref name="text"/> with what cannot be seen written as <c>\u{HEX}</c> and cut to <paramref name="max"/> characters of the original.
    /// The same string comes back where nothing had to change. Thread-safe.
    /// </summary>
    public static string Of(string? text, int max = int.MaxValue)
    {
        if (string.IsNullOrEmpty(text))
        {
            return "";
        }

        var clean = text.Length <= max;
        for (var i = 0; clean && i < text.Length; i++)
        {
            clean = text[i] is >= ' ' and < '\x7f';
        }

        if (clean)
        {
            return text;
        }

        var shown = new StringBuilder();
        var taken = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (taken + rune.Utf16SequenceLength > max)
            {
                shown.Append('…');
                break;
            }

            taken += rune.Utf16SequenceLength;
            if (IsVisible(rune))
            {
                shown.Append(rune.ToString());
            }
            else
            {
                shown.Append("\\u{").Append(rune.Value.ToString("x", CultureInfo.InvariantCulture)).Append('}');
            }
        }

        return shown.ToString();
    }

    private static bool IsVisible(Rune rune) => rune == new Rune(' ') || Rune.GetUnicodeCategory(rune)
        is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.SpaceSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.Surrogate);
}
