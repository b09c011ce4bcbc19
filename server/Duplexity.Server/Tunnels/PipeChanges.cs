using Duplexity.Server.Backend;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels;

/// <summary>A registration that its session changed in place, or made anew.</summary>
/// <param name="Before">What it was.</param>
/// <param name="Now">What it is.</param>
internal sealed record ChangedPipe(PipeEntry Before, PipeEntry Now);

/// <summary>
/// What a node or a front does about registrations that are over or were changed in place: what was found is not so any more, pools end or take the new settings, and visitors whom the rules of now do not let in any more are cut (G7). Done
/// again it changes nothing. Thread-safe.
/// </summary>
internal sealed class PipeChanges(BackendRegistry backend, CarrierPools pools)
{
    /// <summary>When it returns, nobody is served here by what they were.</summary>
    public void Take(OverQuestion news)
    {
        backend.Forget(news.Over.Select(e => e.Name).Concat(news.Joined));
        foreach (var entry in news.Over)
        {
            pools.End(entry, news.IsCut || news.TakesOver(entry));
        }

        Take(news.Changed);
    }

    /// <summary>The same of those that were changed in place alone.</summary>
    public void Take(IReadOnlyList<PipeEntry> changed)
    {
        backend.Forget(changed.Select(e => e.Name));
        foreach (var entry in changed)
        {
            pools.Change(entry);
        }
    }
}
