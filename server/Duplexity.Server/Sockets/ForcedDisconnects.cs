namespace Duplexity.Server.Sockets;

/// <summary>Closes sockets and sessions of a client against its will. Idempotent; thread-safe.</summary>
internal sealed class ForcedDisconnects(SocketIndex sockets, Sessions sessions)
{
    /// <summary>How much of a reason the disconnected are told, in characters.</summary>
    private const int ReasonLength = 256;

    /// <summary>Closes <c>socket:ID</c>, or all sockets and sessions of <c>client:CID</c>. Returns how many sockets that were.</summary>
    public int Force(Address target, string? reason)
    {
        var told = string.IsNullOrWhiteSpace(reason) ? "Disconnected by the operator or by the client itself." : VisibleText.Of(reason, ReasonLength);
        var hit = target.Kind == AddressKind.Client ? sockets.OfClient(target.Name) : sockets.OfId(target.Name);
        foreach (var socket in hit)
        {
            socket.Close(Errors.ForcedOut, told);
        }

        if (target.Kind == AddressKind.Client)
        {
            foreach (var session in sessions.OfClient(target.Name))
            {
                session.Link?.Close(Errors.ForcedOut, told);
                sessions.End(session);
            }
        }

        return hit.Count;
    }
}
