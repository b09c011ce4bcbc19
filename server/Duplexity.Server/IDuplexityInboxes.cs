using Duplexity.Protocol;

namespace Duplexity.Server;

/// <summary>Inboxes, read from the application's own code without a socket. Thread-safe; a singleton, <see cref="IDuplexity.Inboxes"/>.</summary>
public interface IDuplexityInboxes
{
    /// <summary>
    /// A page of an inbox from where a reader is. Nothing of it is acknowledged: handle it, then <see cref="AcknowledgeThroughAsync"/> its <see cref="InboxPage.Through"/>. Who reads again before that, or after a crash, reads the same again.
    /// </summary>
    /// <param name="client">Whose inbox, a CID; null: the application's own, <c>client:service:app</c>.</param>
    /// <param name="reader">Which reader's place, at most 128 characters; null: the one without a name. One that is not there yet is made.</param>
    /// <param name="limit">At most this many messages, 1 to 1,000.</param>
    /// <param name="ct">Not looked at yet.</param>
    /// <exception cref="ArgumentException">The name cannot be a client's.</exception>
    /// <exception cref="DuplexityException">The inbox has too many readers (311), or the limit or the reader's name cannot be (102).</exception>
    Task<InboxPage> ReadAsync(string? client = null, string? reader = null, int limit = 100, CancellationToken ct = default);

    /// <summary>A reader has finished with everything up to a place.</summary>
    /// <exception cref="ArgumentException">The name cannot be a client's.</exception>
    /// <exception cref="DuplexityException">The place is none of this inbox (110).</exception>
    Task AcknowledgeThroughAsync(Position through, string? client = null, string? reader = null, CancellationToken ct = default);

    /// <summary>A reader has finished with one message that a socket of the client was offered, where it acknowledges by hand.</summary>
    /// <param name="position">The message's place.</param>
    /// <param name="client">Whose inbox, a CID; null: the application's own.</param>
    /// <param name="reader">Which reader; null: the one without a name.</param>
    /// <param name="attempt">The attempt that is acknowledged; null: whichever is the last.</param>
    /// <param name="ct">Not looked at yet.</param>
    /// <exception cref="ArgumentException">The name cannot be a client's.</exception>
    /// <exception cref="DuplexityException">Nothing there is offered to this reader (110), it was acknowledged already (111), or offered again since (112).</exception>
    Task AcknowledgeAsync(Position position, string? client = null, string? reader = null, int? attempt = null, CancellationToken ct = default);
}

/// <summary>A page of an inbox.</summary>
public sealed record InboxPage
{
    /// <summary>The messages, oldest first.</summary>
    public IReadOnlyList<DeliveredMessage> Messages { get; init; } = [];

    /// <summary>Where the reader is: behind what it has acknowledged.</summary>
    public required Position From { get; init; }

    /// <summary>The end of this page: what to acknowledge once all of it is done.</summary>
    public required Position Through { get; init; }

    /// <summary>Whether there is more behind it already.</summary>
    public bool HasMore { get; init; }

    /// <summary>False: something between the reader's place and this page is gone, unread.</summary>
    public bool Recovered { get; init; }
}
