using Duplexity.Server.Inboxes;

namespace Duplexity.Server.Sockets;

/// <summary>What an inbox keeps beside the log goes with a client that is removed.</summary>
internal sealed class InboxBelongings(InboxIndex inboxes) : IBelongings
{
    public ValueTask RemoveAsync(string client, CancellationToken ct) => inboxes.RemoveAsync(client, ct);
}
