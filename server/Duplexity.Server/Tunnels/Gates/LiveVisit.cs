using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>Somebody who is being served. It is asked from other threads than its own, and reads nothing of the request, which is on its way.</summary>
internal abstract class LiveVisit(Action cut)
{
    /// <summary>By which registration it is served.</summary>
    public abstract PipeEntry Entry { get; }

    /// <summary>The client that it has shown to be; null: none.</summary>
    public virtual string? Client => null;

    /// <summary>Whether it would be let in again by the rule that has let it in; quick.</summary>
    public abstract bool MayStay { get; }

    /// <summary>Whether it is let in by what its registration has become; then that is its registration. Quick.</summary>
    public abstract bool TryFollow(PipeEntry now);

    /// <summary>Ends it.</summary>
    public void Cut() => cut();
}

/// <summary>A request that the gates of a node have let in.</summary>
internal sealed class PassedVisit(VisitorGates gates, VisitorPass pass, PipeEntry entry, Action cut) : LiveVisit(cut)
{
    private volatile Held _held = new(pass, entry);

    /// <inheritdoc/>
    public override PipeEntry Entry => _held.Entry;

    /// <inheritdoc/>
    public override string? Client => _held.Pass.Visitor.Identity?.Client;

    /// <inheritdoc/>
    public override bool MayStay => gates.MayStay(_held.Pass, _held.Entry);

    /// <inheritdoc/>
    public override bool TryFollow(PipeEntry now)
    {
        if (gates.PassAgain(_held.Pass, now) is not { } again)
        {
            return false;
        }

        _held = new(again, now);
        return true;
    }

    private sealed record Held(VisitorPass Pass, PipeEntry Entry);
}

/// <summary>A visit of which what lets it in is known at once, and stays as it is: an address, or who dials.</summary>
/// <param name="entry">Its registration as it is known last.</param>
/// <param name="lets">Whether a registration lets it in.</param>
/// <param name="cut">Ends it.</param>
internal sealed class PlainVisit(Func<PipeEntry> entry, Func<PipeEntry, bool> lets, Action cut) : LiveVisit(cut)
{
    /// <inheritdoc/>
    public override PipeEntry Entry => entry();

    /// <inheritdoc/>
    public override bool MayStay => lets(entry());

    /// <inheritdoc/>
    public override bool TryFollow(PipeEntry now) => lets(now);
}
