using Duplexity.Server.Engine;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>What becomes of visitors' requests that no resource answers just now. Asked by the front once the visitor may visit. Thread-safe.</summary>
internal interface IKeeping
{
    /// <summary>What stands for a name while nobody serves it; null: nothing does.</summary>
    /// <param name="name">The name.</param>
    /// <param name="isCovered">Whether a wildcard serves its visitors otherwise: these are asked about again and again.</param>
    /// <param name="ct">Gives up.</param>
    ValueTask<PipeEntry?> FindAsync(string name, bool isCovered, CancellationToken ct);

    /// <summary>Takes a request before anything is asked of the client. True: it is answered.</summary>
    ValueTask<bool> TakesAsync(HttpContext context, PipeEntry entry);

    /// <summary>Keeps a request of which nothing has reached the resource. True: it is answered; false: such a request is not kept, and the caller answers it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="entry">The pipe.</param>
    /// <param name="isWhole">Whether nothing of its body has been read by anybody.</param>
    ValueTask<bool> KeepAsync(HttpContext context, PipeEntry entry, bool isWhole);
}
