namespace Duplexity.Server.Engine;

/// <summary>
/// What one edge of a cooked pipe has brought into a channel (G20): the highest source place of each of the source's last incarnations, the one in use at the end.
/// Only within an incarnation do offsets say what came later: a source that ended with its process starts again at 1.
/// </summary>
internal static class TakenPlaces
{
    /// <summary>Incarnations remembered: a runner that lags by more restarts than this is none.</summary>
    private const int Most = 4;

    public static bool Include(Position[] taken, Position place) => Array.Exists(taken, t => t.Epoch == place.Epoch && t.Offset >= place.Offset);

    public static Position[] With(Position[] taken, Position place) => [.. taken.Where(t => t.Epoch != place.Epoch).TakeLast(Most - 1), place];
}
