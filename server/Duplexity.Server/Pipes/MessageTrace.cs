namespace Duplexity.Server.Pipes;

/// <summary>A message's way as it went: which step at which address, and which gate ended it. Kept only for messages that are traced.</summary>
internal sealed class MessageTrace
{
    private readonly List<Hop> _hops = [];

    public IReadOnlyList<Hop> Hops => _hops;

    public void Add(Step step, string at, string? refusedBy = null) => _hops.Add(new Hop(step, at, refusedBy));

    /// <param name="Step">The step.</param>
    /// <param name="At">Where: <c>socket:ID</c>, <c>client:CID</c> or the destination.</param>
    /// <param name="RefusedBy">The gate that refused, if one did.</param>
    internal sealed record Hop(Step Step, string At, string? RefusedBy);
}
