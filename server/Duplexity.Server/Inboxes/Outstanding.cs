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

    /// <summary>When it comes again; of what is claimed, when the lease ends; of what another node has, when to see whether that node is there.</summary>
    public DateTimeOffset Due { get; set; }

    /// <summary>Whether those whom it was offered to are gone: offering it anew is the next attempt.</summary>
    public bool IsLeft { get; set; }

    /// <summary>Whether it is offered to one socket at a time.</summary>
    public bool IsClaim { get; set; }

    /// <summary>The socket that has claimed it; empty: its node gives it up; null: none has now.</summary>
    public string? Holder { get; set; }

    /// <summary>The node that alone decides about it, of several: its socket has claimed it, or it gives it up. Null: none does, or the node is alone.</summary>
    public string? Node { get; set; }

    /// <summary>Whether that node is gone: a lease after that was seen, it is nobody's.</summary>
    public bool IsOrphan { get; set; }

    /// <summary>Whether it is due and waits for somebody who is free.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>The sockets that were offered it, and are told when it is none of theirs any more.</summary>
    public HashSet<string> OfferedTo { get; private set; } = [];

    /// <summary>Nobody has it any more; from <paramref name="due"/> on it waits for somebody.</summary>
    public void Free(DateTimeOffset due)
    {
        (Holder, Node, IsOrphan, IsWaiting, Due) = (null, null, false, false, due);
        OfferedTo = [];
    }

    public Outstanding Clone() => new(messageId, position, before)
    {
        Attempt = Attempt,
        Due = Due,
        IsLeft = IsLeft,
        IsClaim = IsClaim,
        Holder = Holder,
        Node = Node,
        IsOrphan = IsOrphan,
        IsWaiting = IsWaiting,
        OfferedTo = [.. OfferedTo],
    };

    public OutstandingRecord Written() => new(messageId, position.ToString(), before.ToString(), Attempt)
    {
        IsClaim = IsClaim,
        Holder = Holder,
        Node = Node,
        Due = Node is null ? Due.ToUnixTimeMilliseconds() : 0,
    };
}

/// <summary>A message that is not in hand as it was: settled, or taken back.</summary>
/// <param name="One">Which.</param>
/// <param name="Attempt">By which attempt it was in hand.</param>
/// <param name="OfferedTo">Whom it had been offered to.</param>
/// <param name="By">The socket that did it and need not be told; null: none.</param>
/// <param name="Reason">A <see cref="Protocol.WithdrawnReason"/>.</param>
internal readonly record struct Over(Outstanding One, int Attempt, HashSet<string> OfferedTo, string? By, string Reason);
