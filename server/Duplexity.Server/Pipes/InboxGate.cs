using Duplexity.Server.Inboxes;

namespace Duplexity.Server.Pipes;

/// <summary>
/// Entry: an inbox that is full of unread mail refuses more, and one sender may fill a tenth, so that nobody pushes out what others sent (G22). The application itself has the whole. Behind the bound of
/// new channels: an inbox that is looked at is remembered for a while, and strangers' names are endless (G24).
/// </summary>
internal sealed class InboxGate(InboxIndex inboxes) : IBuiltInGate
{
    public string Name => "inbox";

    public Step Step => Step.Entry;

    public bool LooksBehind => true;

    public DuplexityError? Check(in Passage passage) => passage.Target.Kind == AddressKind.Client && passage.Request is { } request
        ? (passage.IsTrial ? inboxes.Find(passage.Target) : inboxes.Of(passage.Target))?.Refusal(passage.Sender.Client, passage.Sender.IsServer, SizeGate.BodyBytes(request))
        : null;
}
