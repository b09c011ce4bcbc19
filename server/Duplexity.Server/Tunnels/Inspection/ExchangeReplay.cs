namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>Marks an exchange's request that is sent again: no gate is asked about it.</summary>
/// <param name="id">The exchange.</param>
/// <param name="newId">The id of the exchange that comes of it.</param>
/// <param name="client">The client that its visitor had shown to be; null: none.</param>
internal sealed class ExchangeReplay(string id, string newId, string? client) : Replay
{
    /// <inheritdoc/>
    public override string Id => id;

    public string NewId => newId;

    public string? Client => client;
}
