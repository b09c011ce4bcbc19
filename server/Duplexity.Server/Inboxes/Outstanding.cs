using Duplexity.Server.Engine;

namespace Duplexity.Server.Inboxes;

/// <summary>A message that was offered to a reader that acknowledges by hand or claims, and was not acknowledged yet.</summary>
internal sealed class Outstanding(string messageId, Position position, Position before)
{
    public Outstanding(LogEntry entry)
        : this(entry.Message.Id, entry.Position, entry.Before)
    {
    }

    public string MessageId => messageId;

    public Position Position => position;

    /// <summary>The place of the entry before it: the reader's place as long as this is its first one.</summary>
    public Position Before => before;

    /// <summary>How often it was offered.</summary>
    public int Attempt { get; set; } = 1;

    /// <summary>When it comes again; of what is claimed, when the lease ends.</summary>
    public DateTimeOffset Due { get; set; }

    /// <summary>Whether those whom it was offered to are gone: offering it anew is the next attempt.</summary>
    public bool IsLeft { get; set; }

    /// <summary>Whether it is offered to one socket at a time.</summary>
    public bool IsClaim { get; set; }

    /// <summary>The socket that has claimed it; null: none has now.</summary>
    public string? Holder { get; set; }

    /// <summary>Whether it is due and waits for somebody who is free.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>The sockets that were offered it, and are told when it is none of theirs any more.</summary>
    public HashSet<string> OfferedTo { get; } = [];
}
