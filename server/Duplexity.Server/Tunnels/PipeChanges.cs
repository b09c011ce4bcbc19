using Duplexity.Server.Backend;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels;

/// <summary>A registration that its session changed in place, or made anew.</summary>
/// <param name="Before">What it was.</param>
/// <param name="Now">What it is.</param>
internal sealed record ChangedPipe(PipeEntry Before, PipeEntry Now);

/// <summary>
/// What a node or a front does about a registration that was changed in place: what was found is not so any more, its pools take the new settings, and visitors whom its rules do not let in any more are cut (G7). Done again it changes
/// nothing. Thread-safe.
/// </summary>
internal sealed class PipeChanges(BackendRegistry backend, CarrierPools pools)
{
    /// <summary>When it returns, nobody is served here by what they were.</summary>
    public void Take(IReadOnlyList<PipeEntry> changed)
    {
        backend.Forget(changed.Select(e => e.Name));
        foreach (var entry in changed)
        {
            pools.Change(entry);
        }
    }
}
