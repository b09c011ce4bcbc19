using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Removes clients for good (G19). First the tombstone, so that from then on nothing proves or makes the client again; then what a revocation does; then everything goes that was the client's own.
/// What it said in rooms stays: that is the room's. Thread-safe.
/// </summary>
internal sealed class Removals(Revocations revocations, IEngine engine, IEnumerable<IBelongings> belongings, ILogger<Removals> logger)
{
    /// <summary>
    /// Removes a client; one that never was cannot come either from then on. When it fails halfway the tombstone stands, and asking again does the rest.
    /// </summary>
    public async Task<Told> RemoveAsync(string client, string by, CancellationToken ct, bool waitsForAll = false)
    {
        var told = await revocations.RemoveAsync(client, ct, waitsForAll);
        foreach (var kept in belongings)
        {
            await kept.RemoveAsync(client, ct);
        }

        await engine.Log.RemoveAsync(Address.Client(client), ct);
        await engine.Log.RemoveAsync(Address.Feed(client), ct);
        logger.ClientRemoved(VisibleText.Of(client, VisibleText.LogLength), VisibleText.Of(by, VisibleText.LogLength));
        return told;
    }
}

/// <summary>A part of the node that keeps something for clients, and lets it go with one that is removed.</summary>
internal interface IBelongings
{
    /// <summary>Lets go of what it keeps for a client, whose connections are gone by then and which cannot come back. Idempotent.</summary>
    ValueTask RemoveAsync(string client, CancellationToken ct);
}
