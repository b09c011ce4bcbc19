using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Hubs;

/// <summary>A data connection at another node brings pipes for a session whose control connection is here. That node has looked who it is, and what it may.</summary>
internal sealed class OpenCall(Sessions sessions, Opening opening) : NodeCall<OpenQuestion, DuplexityError?>(Word)
{
    public const string Word = "open";

    /// <inheritdoc/>
    protected override async ValueTask<DuplexityError?> AnswerAsync(OpenQuestion question, NodeInfo from, CancellationToken ct) =>
        sessions.Find(question.Client, question.Session) is { Link: not null } session && session.Generation == question.Generation
            ? await opening.RegisterAsync(session, new AllowanceRules(question.Allowances), question.Pipes, ct)
            : DuplexityError.Of(Errors.ControlNotEstablished, "The control connection of this session is not there any more; connect /control and call Discover first.");
}

/// <param name="Client">Whose session.</param>
/// <param name="Session">Which.</param>
/// <param name="Generation">When its ticket was given.</param>
/// <param name="Allowances">What the client may do.</param>
/// <param name="Pipes">What it wants to register.</param>
internal sealed record OpenQuestion(string Client, string Session, long Generation, Allowances Allowances, PipeRegistration[] Pipes);
