using System.Runtime.CompilerServices;
using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>
/// The requests that the server keeps for pipes with <see cref="PipeOffline.Queue"/> while this client is away. They are replayed by themselves when it is back, in order and one at a time for each pipe, with the headers
/// <c>Duplexity-Replayed</c> (the id) and <c>Duplexity-Attempt</c>; what is answered by 500 or more, or not at all, is tried again and then given up. Thread-safe.
/// </summary>
public sealed class Queues
{
    private readonly ControlCalls _control;

    internal Queues(ControlCalls control) => _control = control;

    /// <summary>The queues, by name.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<IReadOnlyList<QueueInfo>> ListAsync(AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, client) => hub.ListQueues(new ListQueuesRequest { As = client }), ct).ConfigureAwait(false)).Queues ?? [];

    /// <summary>What a queue keeps, page by page as it is consumed: requests that were given up, then those that wait, the oldest first.</summary>
    /// <param name="name">The hostname, or its label under the server's domain.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">There is no such queue, or there was no answer in time.</exception>
    public async IAsyncEnumerable<QueuedRequest> ReadAsync(string name, AskOptions? options = null, [EnumeratorCancellation] CancellationToken ct = default)
    {
        string? after = null;
        do
        {
            var page = await _control.AskAsync(options, (hub, client) => hub.ReadQueue(new ReadQueueRequest { As = client, Name = name, After = after }), ct).ConfigureAwait(false);
            foreach (var request in page.Requests ?? [])
            {
                yield return request;
            }

            after = page.Next;
        }
        while (after is not null);
    }

    /// <summary>Puts a request that was given up at the end of its queue, under its old id. Called again after a loss, it is put there once.</summary>
    /// <exception cref="DuplexityException"><see cref="Errors.PlaceGone"/>: nothing of that id was given up and is still there. Or there was no answer in time.</exception>
    public Task ReplayAsync(string id, AskOptions? options = null, CancellationToken ct = default) =>
        _control.AskAsync(options, (hub, client) => hub.ReplayQueued(new ReplayQueuedRequest { As = client, Id = id }), ct);

    /// <summary>Throws a request away, whether it waits or was given up.</summary>
    /// <exception cref="DuplexityException"><see cref="Errors.PlaceGone"/>: nothing is kept under that id. Or there was no answer in time.</exception>
    public Task DiscardAsync(string id, AskOptions? options = null, CancellationToken ct = default) =>
        _control.AskAsync(options, (hub, client) => hub.DiscardQueued(new DiscardQueuedRequest { As = client, Id = id }), ct);

    /// <summary>Ends a queue with all that it keeps; its name is free once no program serves it.</summary>
    /// <param name="name">The hostname, or its label under the server's domain.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">There is no such queue, or there was no answer in time.</exception>
    public Task RemoveAsync(string name, AskOptions? options = null, CancellationToken ct = default) =>
        _control.AskAsync(options, (hub, client) => hub.RemoveQueue(new RemoveQueueRequest { As = client, Name = name }), ct);
}

/// <summary>What becomes of requests for a pipe while its client is away.</summary>
public enum PipeOffline
{
    /// <summary>They are answered 502 or 404.</summary>
    Refuse,

    /// <summary>POST, PUT, PATCH and DELETE are kept, answered 202, and replayed in order when the client is back. The name stays this client's until <see cref="Queues.RemoveAsync"/>, or the pipe is opened without this and what waits is replayed.</summary>
    Queue,
}
