using Duplexity.Server.Cluster;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Auth;

/// <summary>A front was shown a token beside a carrier's ticket: whose it is, as this node takes tokens, revocations and blocks included.</summary>
internal sealed class WhoCall(TokenReader tokens, Standing standing, TimeProvider time) : NodeCall<WhoQuestion, WhoAnswer>(WhoQuestion.Word)
{
    /// <inheritdoc/>
    public override bool IsForFronts => true;

    /// <inheritdoc/>
    protected override async ValueTask<WhoAnswer> AnswerAsync(WhoQuestion question, NodeInfo from, CancellationToken ct) =>
        new(await tokens.ReadAsync(question.Token, ct) is { } identity && identity.IsValidAt(time.GetUtcNow()) && standing.Block(identity.Client, question.Session) is null ? identity.Client : null);
}
