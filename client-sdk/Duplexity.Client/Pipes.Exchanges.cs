using System.Runtime.CompilerServices;
using Duplexity.Links;
using Duplexity.Protocol;
using Duplexity.Reading;

namespace Duplexity;

/// <summary>What came in at public pipes that keep it (<see cref="PipeOptions.Inspect"/>): the client's own, from any of its programs, and anyone's by the right to administer.</summary>
public sealed partial class Pipes
{
    /// <summary>How often it is looked whether a replay has ended: a page of a development server takes about as long.</summary>
    private static readonly TimeSpan ReplayLook = TimeSpan.FromMilliseconds(100);

    /// <summary>The last exchanges of a pipe, oldest first. Those of a node that does not answer are missing.</summary>
    /// <param name="name">The hostname, or the label under the server's domain.</param>
    /// <param name="last">At most this many, 1 to 1,000.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">There is no such pipe that the client may inspect, it keeps no exchanges, or there was no answer in time.</exception>
    public async Task<IReadOnlyList<KeptExchange>> ExchangesAsync(string name, int last = 50, AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, client) => hub.ListExchanges(new ListExchangesRequest { As = client, Pipe = name, Last = last }), ct).ConfigureAwait(false)).Exchanges ?? [];

    /// <summary>Everything that is kept of one exchange. What is secret by its name was redacted before it was kept.</summary>
    /// <param name="name">As with <see cref="ExchangesAsync"/>.</param>
    /// <param name="id">The exchange's id.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <returns>The exchange; null: it is a replay that has not ended yet.</returns>
    /// <exception cref="DuplexityException">As with <see cref="ExchangesAsync"/>; or it is not kept any more (203).</exception>
    public async Task<ExchangeDetail?> ReadExchangeAsync(string name, string id, AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, client) => hub.ReadExchange(new ReadExchangeRequest { As = client, Pipe = name, Id = id }), ct).ConfigureAwait(false)).Exchange;

    /// <summary>
    /// Sends the request of an exchange again, as it was or changed: as a visit of its owner's, which no gate is asked about, with the header <c>Duplexity-Replayed</c>. Returns when it has begun; <see cref="ReplayedAsync"/> waits for what comes of it.
    /// </summary>
    /// <param name="name">As with <see cref="ExchangesAsync"/>.</param>
    /// <param name="id">The exchange's id.</param>
    /// <param name="changes">What is changed; null: nothing.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">As with <see cref="ReadExchangeAsync"/>; or its body was not kept whole and no other is given, or too many replays of the pipe are under way.</exception>
    public async Task<Replay> ReplayAsync(string name, string id, ReplayChanges? changes = null, AskOptions? options = null, CancellationToken ct = default)
    {
        var answer = await _control.AskAsync(
            options,
            (hub, client) => hub.ReplayExchange(new ReplayExchangeRequest
            {
                As = client,
                Pipe = name,
                Id = id,
                Method = changes?.Method,
                Target = changes?.Target,
                Headers = changes?.Headers?.Select(h => new PipeHeader { Name = h.Key, Value = h.Value }).ToArray(),
                Bytes = changes?.Body?.ToArray(),
            }),
            ct).ConfigureAwait(false);
        return new Replay(answer.Id ?? throw Link.BrokenConnection("a replay has no id."), answer.Omitted ?? []);
    }

    /// <summary>The exchange that a replay came to, once it has ended, which the server lets take two minutes at most.</summary>
    /// <param name="name">As with <see cref="ExchangesAsync"/>.</param>
    /// <param name="replay">What <see cref="ReplayAsync"/> returned.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting; the replay goes on.</param>
    /// <exception cref="DuplexityException">As with <see cref="ReadExchangeAsync"/>.</exception>
    public async Task<ExchangeDetail> ReplayedAsync(string name, Replay replay, AskOptions? options = null, CancellationToken ct = default)
    {
        while (true)
        {
            if (await ReadExchangeAsync(name, replay.Id, options, ct).ConfigureAwait(false) is { } ended)
            {
                return ended;
            }

            await Task.Delay(ReplayLook, _connection.Options.TimeProvider, ct).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Watches the exchanges of a pipe: first the last ones, then each that ends, oldest first; none twice. After a loss of the connection, or where 256 wait unread, it goes on with the last 1,000. A pipe that is registered anew is watched on.
    /// </summary>
    /// <param name="name">As with <see cref="ExchangesAsync"/>.</param>
    /// <param name="last">How many of those that were before, 0 to 1,000.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Ends the watch; the server is told.</param>
    /// <exception cref="DuplexityException">As with <see cref="ExchangesAsync"/>; or the client has left the connection, or the connection is over. When it is disposed, the watch just ends.</exception>
    public async IAsyncEnumerable<KeptExchange> WatchExchangesAsync(string name, int last = 0, AskOptions? options = null, [EnumeratorCancellation] CancellationToken ct = default)
    {
        var id = Guid.NewGuid().ToString("N");
        var client = _control.Acting(options);
        var seen = new SeenIds();
        var asked = last;
        var since = 0L;
        ControlLink? link = null;
        try
        {
            while (true)
            {
                var feed = _watches.Open<KeptExchange>(id, client);
                ListExchangesResponse? present = null;
                var isAway = false;
                try
                {
                    (link, present) = await _control.AskAsync(
                        client, (hub, actAs) => hub.WatchExchanges(new WatchExchangesRequest { As = actAs, Pipe = name, Last = asked, Watch = id }), ct).ConfigureAwait(false);
                }
                catch (DuplexityException e) when (e.Kind == ErrorKind.Unavailable)
                {
                    // The server is away for longer than a call waits: a watch waits on.
                    isAway = true;
                }
                catch (DuplexityException e) when (e.Code == Errors.Goodbye.Code)
                {
                    // Disposed: the end in order.
                }

                if (isAway)
                {
                    continue;
                }

                if (present is null)
                {
                    yield break;
                }

                // After a loss it is asked for more than is wanted: what had ended before the watch began is not of it.
                foreach (var exchange in (present.Exchanges ?? []).Where(e => e.At + e.DurationMs >= since && seen.TryAdd(e.Id)))
                {
                    yield return exchange;
                }

                while (await feed.WaitAsync(link!.Ended, ct).ConfigureAwait(false))
                {
                    while (feed.TryRead(out var exchange))
                    {
                        if (seen.TryAdd(exchange.Id))
                        {
                            yield return exchange;
                        }
                    }
                }

                (asked, since) = (Wire.MaxPage, since > 0 ? since : present.At ?? 0);
            }
        }
        finally
        {
            _watches.Close(id, link is { Ended.IsCompleted: false } ? () => link.Hub.WatchExchanges(new WatchExchangesRequest { As = client, Watch = id, Stop = true }) : null);
        }
    }
}
