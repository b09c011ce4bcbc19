namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>Marks a request that no visitor sends now: it was kept, and is sent again. A feature of the request, which no gate is asked about.</summary>
/// <param name="Id">What was kept, as the resource is told.</param>
/// <param name="NewId">The id of the exchange that comes of it; null: any.</param>
/// <param name="Client">The client that its visitor had shown to be; null: none.</param>
internal sealed record Replayed(string Id, string? NewId, string? Client)
{
    /// <summary>The request header that names what was kept. A visitor's own does not pass (G15).</summary>
    public const string Header = "Duplexity-Replayed";
}
