namespace Duplexity.Server.Cluster;

/// <summary>A front writes itself down, and asks who is there.</summary>
/// <param name="Front">The front about itself.</param>
internal sealed record FrontQuestion(NodeInfo Front)
{
    public const string Word = "front";
}

/// <param name="Nodes">The nodes that are there, the asked one included.</param>
/// <param name="Ports">The ports of TCP pipes.</param>
/// <param name="Problem">Why the front is not one of the fronts; null: it is.</param>
internal sealed record FrontAnswer(NodeInfo[] Nodes, int[] Ports, string? Problem = null);

/// <summary>A front has been shown a token, and has no issuer's keys: whose is it?</summary>
/// <param name="Token">What was shown.</param>
/// <param name="Session">The session for which it was shown.</param>
internal sealed record WhoQuestion(string Token, string Session)
{
    public const string Word = "who";
}

/// <param name="Client">The client that the token proves; null: none that may come now.</param>
internal sealed record WhoAnswer(string? Client);

/// <summary>Who listens where a front was told to ask: a question to nobody in particular, and the only one (G18).</summary>
internal sealed class NameCall(Node node) : NodeCall<NameQuestion, NameAnswer>(Word)
{
    public const string Word = "name";

    /// <inheritdoc/>
    public override bool IsForFronts => true;

    /// <inheritdoc/>
    public override bool IsForNewcomers => true;

    /// <inheritdoc/>
    protected override ValueTask<NameAnswer> AnswerAsync(NameQuestion question, NodeInfo from, CancellationToken ct) => new(new NameAnswer(node.Name, node.Life));
}

/// <summary>The question says all by being asked.</summary>
internal sealed record NameQuestion;

/// <param name="Name">The node's name.</param>
/// <param name="Life">Its <see cref="Node.Life"/>.</param>
internal sealed record NameAnswer(string Name, string Life);
