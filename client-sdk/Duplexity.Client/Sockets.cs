using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>The client's own sockets, of all its programs, and what it may do from them. Thread-safe.</summary>
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

    /// <summary>Asks which gates would refuse an operation, without doing or counting it.</summary>
    /// <param name="operation">A word of <see cref="Operation"/>.</param>
    /// <param name="target">An address, such as <c>room:lobby</c>; for <see cref="Operation.Publish"/> a public name.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">The question was wrong, or there was no answer in time.</exception>
    public async Task<ExplainResponse> ExplainAsync(string operation, string target, CancellationToken ct = default)
    {
        _connection.NeedControl();
        var (_, answer) = await _control.AskAsync(c => c.Hub.Explain(new ExplainRequest { As = c.Client, Operation = operation, Target = target }), ct).ConfigureAwait(false);
        return answer;
    }

    /// <summary>Narrows what this client may do from one of its sockets; null: everything again. It can only take away. Answers what is left.</summary>
    /// <exception cref="DuplexityException">It is not this client's socket, the allowances cannot be read, or there was no answer in time.</exception>
    public async Task<Allowances> LimitAsync(string socketId, Allowances? allowances, CancellationToken ct = default)
    {
        _connection.NeedControl();
        var request = new LimitSocketRequest { SocketId = socketId, Allowances = allowances };
        var (_, answer) = await _control.AskAsync(c => c.Hub.LimitSocket(request with { As = c.Client }), ct).ConfigureAwait(false);
        return answer.Allowances!;
    }

    /// <summary>Ends the tokens of a client up to now, its own or one that it may administer. Answers how many connections lost it; it is in force by then.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public Task<int> RevokeAsync(string client, CancellationToken ct = default) => RevokeAsync(new RevokeRequest { Client = client }, ct);

    /// <summary>Ends one token by its id (<c>jti</c>); as <see cref="RevokeAsync(string, CancellationToken)"/>.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public Task<int> RevokeTokenAsync(string tokenId, CancellationToken ct = default) => RevokeAsync(new RevokeRequest { TokenId = tokenId }, ct);

    /// <summary>
    /// Removes a client for good, for administrators: as <see cref="RevokeAsync(string, CancellationToken)"/>, and its inbox and feed, API keys, sign-ins and pipes are gone. Its name is never given again.
    /// </summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> RemoveClientAsync(string client, CancellationToken ct = default)
    {
        _connection.NeedControl();
        var (_, answer) = await _control.AskAsync(c => c.Hub.RemoveClient(new RemoveClientRequest { As = c.Client, Client = client }), ct).ConfigureAwait(false);
        return answer.Connections ?? 0;
    }

    private async Task<int> RevokeAsync(RevokeRequest request, CancellationToken ct)
    {
        _connection.NeedControl();
        var (_, answer) = await _control.AskAsync(c => c.Hub.Revoke(request with { As = c.Client }), ct).ConfigureAwait(false);
        return answer.Connections ?? 0;
    }
}
