namespace Duplexity.Server.Tunnels;

/// <summary>Marks a request that no visitor sends now: it was kept, by a queue or by the inspector, and is sent again. A feature of the request, by which the front, the gates and the inspector know it.</summary>
internal abstract class Replay
{
    /// <summary>The request header that names what was kept. A visitor's own does not pass (G15).</summary>
    public const string Header = "Duplexity-Replayed";

    /// <summary>What was kept, as the resource is told.</summary>
    public abstract string Id { get; }
}
