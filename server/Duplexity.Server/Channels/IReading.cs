using Duplexity.Server.Engine;

namespace Duplexity.Server.Channels;

/// <summary>One subscription's part in the reading of an inbox: what bounds what it is given, and is told what became of it. Thread-safe; nothing but the wait may block or throw.</summary>
internal interface IReading
{
    /// <summary>Whether its reader may be given more.</summary>
    bool HasRoom { get; }

    /// <summary>Whether all that comes to the channel is for its socket; else what is dealt to it is, whatever came under another channel.</summary>
    bool IsShared { get; }

    /// <summary>Completes when its reader may be given more.</summary>
    ValueTask WaitForRoomAsync(CancellationToken ct);

    /// <summary>An entry was put into the line to the socket.</summary>
    void Handed();

    /// <summary>The writer looks at an entry that was handed over.</summary>
    void Looked();

    /// <summary>An entry is about to leave; false where it must not: it has been acknowledged already. <paramref name="attempt"/>: how often it has been offered with this one.</summary>
    bool Offer(LogEntry entry, out int attempt);

    /// <summary>Everything up to this place is with the transport, or was not for the socket.</summary>
    void Written(Position through);

    /// <summary>The subscription is over.</summary>
    void End();
}
