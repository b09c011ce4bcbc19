using Duplexity.Server.Inboxes;

namespace Duplexity.Server.Pipes;

/// <summary>Entry: an inbox that is full of unread mail refuses more, and one sender may fill a tenth, so that nobody pushes out what others sent (G22). The application itself has the whole.</summary>
internal sealed class InboxGate(InboxIndex inboxes) : IGate
{
    public string Name => "inbox";

    public Step Step => Step.Entry;

    public DuplexityError? Check(in GateContext context) => context.Target.Kind == AddressKind.Client && context.Request is { } request
        ? inboxes.Of(context.Target).Refusal(context.Sender.Client, context.Sender.IsServer, SizeGate.BodyBytes(request))
        : null;
}
