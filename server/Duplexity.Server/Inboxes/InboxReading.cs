using Duplexity.Server.Channels;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Inboxes;

/// <summary>How a subscription acknowledges.</summary>
internal enum AckMode
{
    /// <summary>What is written counts.</summary>
    Auto,

    /// <summary>The reader says how far it is.</summary>
    Handled,

    /// <summary>The reader says each, and what it does not comes again.</summary>
    Manual,

    /// <summary>As by hand, and each is one socket's for a lease.</summary>
    Claim,
}

/// <summary>One socket's reading of an inbox as one of its readers.</summary>
internal sealed class InboxReading(Inbox inbox, InboxReader reader, Subscription subscription, AckMode mode, int hands) : IReading
{
    private int _inLine;

    public Subscription Subscription => subscription;

    public InboxReader Reader => reader;

    public bool IsManual => mode == AckMode.Manual;

    public bool IsClaim => mode == AckMode.Claim;

    /// <summary>How many messages its socket claims at once.</summary>
    public int Hands => hands;

    public string SocketId => subscription.Subscriber.SocketId;

    /// <inheritdoc/>
    public bool IsShared => !IsClaim;

    /// <summary>What was handed over and has not left yet.</summary>
    public int InLine => Volatile.Read(ref _inLine);

    /// <inheritdoc/>
    public bool HasRoom => !IsManual || inbox.HasRoom(this);

    /// <inheritdoc/>
    public ValueTask WaitForRoomAsync(CancellationToken ct) => inbox.WaitForRoomAsync(this, ct);

    /// <inheritdoc/>
    public void Handed() => Interlocked.Increment(ref _inLine);

    /// <inheritdoc/>
    public void Looked() => Interlocked.Decrement(ref _inLine);

    /// <inheritdoc/>
    public bool Offer(LogEntry entry, out int attempt)
    {
        attempt = 1;
        return !IsManual || inbox.Offer(this, entry, out attempt);
    }

    /// <inheritdoc/>
    public void Written(Position through)
    {
        if (mode == AckMode.Auto)
        {
            inbox.AcknowledgeThrough(reader, through, SocketId);
        }
        else if (IsManual)
        {
            inbox.Pass(reader, through);
        }
    }

    /// <inheritdoc/>
    public void End() => inbox.Leave(this);
}
