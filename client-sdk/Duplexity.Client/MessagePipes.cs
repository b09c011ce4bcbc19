using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>The pipes that carry messages between channels for this client, run by the server while the client is away too. Thread-safe.</summary>
public sealed class MessagePipes
{
    private readonly ControlCalls _control;

    internal MessagePipes(ControlCalls control) => _control = control;

    /// <summary>Sets pipes, all or none, and answers them with their ids. A new one begins with what comes to its source from now on; one of an id that is there is changed from now on.</summary>
    /// <exception cref="DuplexityException">One of them cannot be, reads what this client may not, there would be too many, or there was no answer in time.</exception>
    public async Task<IReadOnlyList<MessagePipe>> SetAsync(IReadOnlyCollection<MessagePipe> pipes, AskOptions? options = null, CancellationToken ct = default) => (await _control.AskAsync(
        options, (hub, client) => hub.SetMessagePipes(new SetMessagePipesRequest { As = client, Pipes = [.. pipes] }), ct).ConfigureAwait(false)).Pipes ?? [];

    /// <summary>The pipes, by id, each with its state and how far it has come.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<IReadOnlyList<MessagePipe>> ListAsync(AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, client) => hub.ListMessagePipes(new ListMessagePipesRequest { As = client }), ct).ConfigureAwait(false)).Pipes ?? [];

    /// <summary>Removes a pipe; what it has not carried yet stays where it is.</summary>
    /// <exception cref="DuplexityException">There is no such pipe, or there was no answer in time.</exception>
    public Task RemoveAsync(string id, AskOptions? options = null, CancellationToken ct = default) =>
        _control.AskAsync(options, (hub, client) => hub.RemoveMessagePipes(new RemoveMessagePipesRequest { As = client, Ids = [id] }), ct);
}
