using Duplexity.Server.Channels;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Inboxes;

/// <summary>A message that was offered to a reader that acknowledges by hand, and was not acknowledged yet.</summary>
internal sealed class Outstanding(LogEntry entry)
{
    public string MessageId { get; } = entry.Message.Id;

    public Position Position { get; } = entry.Position;

    /// <summary>The place of the entry before it: the reader's place as long as this is its first one.</summary>
    public Position Before { get; } = entry.Before;

    /// <summary>How often it was offered.</summary>
    public int Attempt { get; set; } = 1;

    /// <summary>When it comes again.</summary>
    public DateTimeOffset Due { get; set; }

    /// <summary>Whether those whom it was offered to are gone: offering it anew is the next attempt.</summary>
    public bool IsLeft { get; set; }

    /// <summary>Who was offered it, and is told when it is settled without them.</summary>
    public HashSet<ISubscriber> OfferedTo { get; } = [];
}
