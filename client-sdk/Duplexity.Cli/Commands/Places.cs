namespace Duplexity.Cli.Commands;

/// <summary>Reads the options that say where in a log to begin and how much to take.</summary>
internal static class Places
{
    /// <summary>A place as <c>OFFSET@EPOCH</c>; null stays null.</summary>
    public static Position? Since(string? text) =>
        text is null ? null : Position.TryParse(text, null, out var place) ? place : throw new UsageException($"\"{text}\" is not a place; write OFFSET@EPOCH, as --json and send show it.");

    /// <summary>A number that counts messages.</summary>
    public static int Count(int number, string option) => number >= 0 ? number : throw new UsageException($"{option} takes a number from 0 on.");
}
