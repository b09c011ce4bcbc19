using Duplexity.Server.Engine;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>
/// At a front, which has no engine: nothing is kept and nothing becomes a message. What a pipe would have kept is refused even while its client is there, for the front does not know what waits before it (3.7).
/// </summary>
internal sealed class FrontKeeping : IKeeping
{
    /// <inheritdoc/>
    public ValueTask<PipeEntry?> FindAsync(string name, bool isCovered, CancellationToken ct) => new((PipeEntry?)null);

    /// <inheritdoc/>
    public async ValueTask<bool> TakesAsync(HttpContext context, PipeEntry entry)
    {
        if (!Bridge.IsAt(entry) && !(QueueRecord.Keeps(entry) && Keeping.MayKeep(context.Request)))
        {
            return false;
        }

        await Pages.WriteAsync(context, StatusCodes.Status421MisdirectedRequest, "Not here", "What is sent to this address is kept until its owner is back, or becomes a message; the front by which you came does neither.");
        return true;
    }

    /// <inheritdoc/>
    public ValueTask<bool> KeepAsync(HttpContext context, PipeEntry entry, bool isWhole) => new(false);
}
