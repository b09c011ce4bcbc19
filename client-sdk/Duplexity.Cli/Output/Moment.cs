using System.Globalization;

namespace Duplexity.Cli.Output;

/// <summary>A moment of the wire as people read it.</summary>
internal static class Moment
{
    /// <summary><paramref name="at"/>, milliseconds since 1970 UTC, in this machine's zone.</summary>
    public static string Text(long at, TimeProvider time) =>
        TimeZoneInfo.ConvertTime(DateTimeOffset.FromUnixTimeMilliseconds(at), time.LocalTimeZone).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
