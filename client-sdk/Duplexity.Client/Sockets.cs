using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>The client's own sockets, of all its programs. Thread-safe.</summary>
public sealed class Sockets
{
    private readonly DuplexityConnection _connection;
    private readonly Calls<ControlLink> _control;

    internal Sockets(DuplexityConnection connection, Calls<ControlLink> control)
    {
        _connection = connection;
        _control = control;
    }

    /// <summary>The sockets, oldest first.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<IReadOnlyList<SocketInfo>> ListAsync(CancellationToken ct = default)
    {
        _connection.NeedControl();
        var (_, answer) = await _control.AskAsync(c => c.Hub.ListSockets(new ListSocketsRequest { As = c.Client }), ct).ConfigureAwait(false);
        return answer.Sockets ?? [];
    }

    /// <summary>Closes <c>socket:ID</c>, or all sockets of <c>client:CID</c>; their SDKs do not come back by themselves. Answers how many were closed.</summary>
    /// <param name="target">A socket, or a client.</param>
    /// <param name="reason">What the disconnected are told.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> CloseAsync(Address target, string? reason = null, CancellationToken ct = default)
    {
        _connection.NeedControl();
        var (_, answer) = await _control.AskAsync(
            c => c.Hub.ForceDisconnect(new ForceDisconnectRequest { As = c.Client, Target = target.ToString(), Reason = reason }), ct).ConfigureAwait(false);
        return answer.Sockets ?? 0;
    }
}
