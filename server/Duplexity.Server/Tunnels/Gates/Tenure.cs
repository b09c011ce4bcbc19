using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>
/// Whose a name was when its owner handed something out for it (G7): that is good for nobody else's pipe of the name, and not for a later one. A session keeps it over its reconnects, each of which is a
/// generation; sessions that share a name are one.
/// </summary>
/// <param name="Pipe">The hostname.</param>
/// <param name="Owner">Its owner.</param>
/// <param name="Session">The session that served it.</param>
/// <param name="Generation">From which generation of it on.</param>
internal sealed record Tenure(string Pipe, string Owner, string Session, long Generation)
{
    public static Tenure Of(PipeEntry entry) => new(entry.Name, entry.Client, entry.Session, entry.Generation);

    /// <summary>Whether a registration is of it.</summary>
    public bool Covers(PipeEntry entry) => entry.Name == Pipe && entry.Client == Owner
        && (entry.Settings.Share is true || (entry.Session == Session && entry.Generation >= Generation));
}
