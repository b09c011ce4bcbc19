using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Tunnels.Names;

/// <summary><c>/register</c> on the internal plane: registers pipes of a session whose control connection is here, all or none, and answers as its client would be answered. The node that asks has looked who the client is, and what it may (2.10). No node of ours has a use for it: it is there for other servers with the nodes' key.</summary>
internal sealed class RegisterCall(Sessions sessions, PublicPipes pipes) : NodeCall<RegisterQuestion, PipesResponse>(Word)
{
    public const string Word = "register";

    /// <inheritdoc/>
    protected override async ValueTask<PipesResponse> AnswerAsync(RegisterQuestion question, NodeInfo from, CancellationToken ct)
    {
        if (question.Pipes is not { Length: > 0 } wanted || wanted.Contains(null!))
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, "pipes is empty, or has an empty place; name at least one.") };
        }

        return sessions.Find(question.Client, question.Session) is { Link: not null } session && session.Generation == question.Generation
            ? await pipes.RegisterAsync(session, new AllowanceRules(question.Allowances), wanted, ct)
            : new() { Error = DuplexityError.Of(Errors.ControlNotEstablished, "The control connection of this session is not here any more.") };
    }
}

/// <summary><c>/remove</c> on the internal plane: removes pipes that a client's session registered up to a generation, wherever that session was. What is not there is no error (2.12).</summary>
internal sealed class RemoveCall(Sessions sessions, PublicPipes pipes) : NodeCall<RemoveQuestion, bool>(Word)
{
    public const string Word = "remove";

    /// <inheritdoc/>
    protected override async ValueTask<bool> AnswerAsync(RemoveQuestion question, NodeInfo from, CancellationToken ct)
    {
        var session = sessions.Find(question.Client, question.Session) ?? new Session(question.Client, question.Session);
        await pipes.RemoveAsync(session, question.Generation, question.Names, CancellationToken.None);
        return true;
    }
}

/// <param name="Client">Whose session.</param>
/// <param name="Session">Which.</param>
/// <param name="Generation">The generation of its control connection.</param>
/// <param name="Allowances">What the client may do.</param>
/// <param name="Pipes">What it wants to register.</param>
internal sealed record RegisterQuestion(string Client, string Session, long Generation, Allowances Allowances, PipeRegistration[] Pipes);

/// <param name="Client">Whose pipes.</param>
/// <param name="Session">The session that registered them.</param>
/// <param name="Generation">What is newer stays.</param>
/// <param name="Names">Which, as keys; null: all.</param>
internal sealed record RemoveQuestion(string Client, string Session, long Generation, string[]? Names);
