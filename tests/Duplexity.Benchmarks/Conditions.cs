using System.Diagnostics;
using System.Globalization;

namespace Duplexity.Benchmarks;

/// <summary>Under what conditions something was measured, and how it is said.</summary>
internal static class Conditions
{
    /// <summary>The build, the machine and the place of the clients, which all scenarios share.</summary>
    public static string Here { get; } = $"{Build}, {Environment.ProcessorCount} cores, .NET {Environment.Version}, loopback, clients in the same process";

#if DEBUG
    private static string Build => "DEBUG, which says nothing";
#else
    private static string Build => "Release";
#endif

    /// <summary>Prints a figure a line.</summary>
    public static void Say(FormattableString line) => Console.WriteLine("  " + line.ToString(CultureInfo.InvariantCulture));

    /// <summary>How many a second, rounded to what can be meant.</summary>
    public static string PerSecond(int count, TimeSpan took) => (count / took.TotalSeconds).ToString(count / took.TotalSeconds < 1000 ? "N0" : "#,0,'000'", CultureInfo.InvariantCulture);

    /// <summary>Runs rounds after one that does not count; how long each took, in order of time.</summary>
    public static async Task<TimeSpan[]> RoundsAsync(int rounds, Func<Task> run)
    {
        await run();
        var took = new TimeSpan[rounds];
        for (var i = 0; i < rounds; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await run();
            took[i] = Stopwatch.GetElapsedTime(began);
        }

        Array.Sort(took);
        return took;
    }

    /// <summary>The rates of rounds of so many: the median and both ends.</summary>
    public static string Rates(int count, TimeSpan[] took) => $"{PerSecond(count, took[took.Length / 2])}/s (median of {took.Length}; {PerSecond(count, took[^1])} to {PerSecond(count, took[0])})";
}
