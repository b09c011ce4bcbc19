using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Removes clients for good (G19). First the tombstone, so that from then on nothing proves or makes the client again; then what a revocation does; then everything goes that was the client's own.
/// What it said in rooms stays: that is the room's. Thread-safe.
/// </summary>
internal sealed class Removals(Standing standing, Revocations revocations, IEngine engine, IEnumerable<IBelongings> belongings, ILogger<Removals> logger)
{
    /// <summary>
    /// Removes a client; one that never was cannot come either from then on. Returns how many connections lost it. When it fails halfway the tombstone stands, and asking again does the rest.
    /// </summary>
    public async Task<int> RemoveAsync(string client, string by, CancellationToken ct)
    {
        await standing.RemoveClientAsync(client, ct);
        var connections = await revocations.EnforceRemovalAsync(client);
        foreach (var kept in belongings)
        {
            await kept.RemoveAsync(client, ct);
        }

        await engine.Log.RemoveAsync(Address.Client(client), ct);
        await engine.Log.RemoveAsync(Address.Feed(client), ct);
        logger.ClientRemoved(VisibleText.Of(client, VisibleText.LogLength), VisibleText.Of(by, VisibleText.LogLength));
        return connections;
    }
}

/// <summary>A part of the node that keeps something for clients, and lets it go with one that is removed.</summary>
internal interface IBelongings
{
    /// <summary>Lets go of what it keeps for a client, whose connections are gone by then and which cannot come back. Idempotent.</summary>
    ValueTask RemoveAsync(string client, CancellationToken ct);
}
