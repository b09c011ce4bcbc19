using System.Runtime.CompilerServices;
using Duplexity.Protocol;

namespace Duplexity;

/// <content>What the inbox gave up.</content>
public sealed partial class Inbox
{
    /// <summary>The messages that were offered as often as they may be and never acknowledged, the oldest first, page by page as they are consumed. They are kept as long as a channel keeps a message, 1,000 at most. Nothing is joined for it.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async IAsyncEnumerable<DeadMessage> DeadLettersAsync([EnumeratorCancellation] CancellationToken ct = default)
    {
        string? after = null;
        do
        {
            var page = await Connection.AskAsync((hub, client) => hub.DeadLetters(new DeadLettersRequest { As = Listener.As ?? client, After = after }), ct).ConfigureAwait(false);
            foreach (var letter in page.Letters ?? [])
            {
                yield return new DeadMessage(Connection.Read(letter.Message, Address), letter.Attempts, DateTimeOffset.FromUnixTimeMilliseconds(letter.At));
            }

            after = page.Next;
        }
        while (after is not null);
    }

    /// <summary>Puts a dead letter into the inbox anew, where it is offered like any message, with an id and a place of its own; the letter is gone then. Called again after a loss, it is put there once.</summary>
    /// <param name="id">The message's id.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <returns>The id of the new message.</returns>
    /// <exception cref="DuplexityException"><see cref="Errors.PlaceGone"/>: there is no dead letter of that id (any more). Or there was no answer in time.</exception>
    public async Task<string> ReplayAsync(string id, CancellationToken ct = default) =>
        (await Connection.AskAsync((hub, client) => hub.Replay(new ReplayRequest { As = Listener.As ?? client, Id = id }), ct).ConfigureAwait(false)).MessageId!;

    /// <summary>Lets a dead letter go for good.</summary>
    /// <param name="id">The message's id.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException"><see cref="Errors.PlaceGone"/>: there is no dead letter of that id (any more). Or there was no answer in time.</exception>
    public Task DiscardAsync(string id, CancellationToken ct = default) =>
        Connection.AskAsync((hub, client) => hub.Discard(new DiscardRequest { As = Listener.As ?? client, Id = id }), ct);
}

/// <summary>A message that an inbox gave up.</summary>
/// <param name="Message">The message as it was offered.</param>
/// <param name="Attempts">How often it was offered.</param>
/// <param name="At">When it was given up.</param>
public sealed record DeadMessage(Message Message, int Attempts, DateTimeOffset At);
