using System.Runtime.CompilerServices;
using Duplexity.Protocol;

namespace Duplexity;

/// <content>Asking, reading back, and saying how far the inbox is read.</content>
public sealed partial class DuplexityConnection
{
    // A page of history is one hub message with its answer; 100 usual messages stay well under a second of a slow line.
    private const int HistoryPage = 100;

    /// <summary>
    /// Reads a channel's log without listening to it, oldest first unless <see cref="HistoryOptions.Reverse"/>, page by page as it is consumed. Ends at the end
    /// of the log.
    /// </summary>
    /// <exception cref="DuplexityException">It was refused, or <see cref="HistoryOptions.Since"/> cannot be served any more, or there was no answer in time.</exception>
    public async IAsyncEnumerable<Message> HistoryAsync(Address channel, HistoryOptions? options = null, [EnumeratorCancellation] CancellationToken ct = default)
    {
        options ??= new HistoryOptions();
        var left = options.Limit ?? int.MaxValue;
        var since = options.Since;
        while (left > 0)
        {
            var request = new HistoryRequest
            {
                As = options.As ?? Identities.Primary,
                Channel = channel.ToString(),
                Since = since,
                Limit = Math.Min(left, HistoryPage),
                Reverse = options.Reverse ? true : null,
            };
            var (_, page) = await _data.AskAsync(d => d.Hub.History(request), ct).ConfigureAwait(false);
            if (page.Recovered == false)
            {
                throw new DuplexityException(DuplexityError.Of(Errors.PlaceGone, $"The log of {channel} does not hold {since} any more."));
            }

            foreach (var message in page.Messages ?? [])
            {
                left--;
                yield return _listening.Read(message, channel);
            }

            if (page.Next is null)
            {
                yield break;
            }

            since = page.Next;
        }
    }

    /// <summary>
    /// Sends to one destination and waits for the answer: the first message whose <see cref="Message.Re"/> is this one's id, as <see cref="Message.ReplyAsync"/> makes it. It comes to this very socket, whether or not the inbox is read, and no
    /// reader of the inbox sees it. An answer to a socket that has reconnected meanwhile goes to the client's inbox, and counts there where it is read.
    /// </summary>
    /// <param name="to">Who is asked. A room has many that may answer: the first answer counts.</param>
    /// <param name="body">As for the sends.</param>
    /// <param name="timeout">How long to wait for the answer once the request is stored.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">It was refused; or <see cref="Errors.NoReply"/>: there was no answer in time.</exception>
    public Task<Message> RequestAsync<T>(Address to, T body, TimeSpan timeout, CancellationToken ct = default) => _listening.Replies.AskAsync(async () =>
    {
        var options = new SendOptions { Headers = new Dictionary<string, string> { [Wire.ReplyHeader] = "socket" } };
        return (await SendAsync(to, body, options, ct).ConfigureAwait(false)).MessageId;
    }, timeout, Options.TimeProvider, ct);

    internal async Task<TAnswer> AskAsync<TAnswer>(Func<IDataHub, string, Task<TAnswer>> call, CancellationToken ct)
        where TAnswer : Answer => (await _data.AskAsync(d => call(d.Hub, d.Client), ct).ConfigureAwait(false)).Answer;

    internal Message Read(DeliveredMessage message, Address channel) => _listening.Read(message, channel);

    internal async Task Acknowledge(AcknowledgeRequest request, CancellationToken ct) =>
        await _data.AskAsync(d => d.Hub.Acknowledge(request with { As = request.As ?? d.Client }), ct).ConfigureAwait(false);
}
