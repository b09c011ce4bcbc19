using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>
/// Which sockets wait for an answer to which message: whoever has the message may send its answer to the socket, which is closed to them otherwise. Ids are hashes that only sender and receivers know. The newest
/// 100,000 of a node; an answer to an older one goes to the inbox. A message pipe can write the header that asks, but only a sender gives the right to answer it. Thread-safe.
/// </summary>
internal sealed class AwaitedReplies
{
    /// <summary>Requests remembered: some 20 MB, and minutes of a node that does nothing else.</summary>
    private const int Most = 100_000;

    private readonly Lock _lock = new();
    private readonly Recent<string, string> _sockets = new(Most);

    /// <summary>A message is about to be stored.</summary>
    public void Note(StoredMessage message)
    {
        if (message.FromSocket is not { } socket || message.Headers?.ContainsKey(Wire.ReplyHeader) != true)
        {
            return;
        }

        lock (_lock)
        {
            if (message.Path is not { Hops: [var first, ..] } || (_sockets.TryPeek(first.MessageId, out var asker) && asker == socket))
            {
                _sockets.Set(message.Id, socket);
            }
        }
    }

    /// <summary>Whether a socket waits for an answer to a message.</summary>
    public bool Awaits(string socketId, string? re)
    {
        if (re is null)
        {
            return false;
        }

        lock (_lock)
        {
            return _sockets.TryPeek(re, out var socket) && socket == socketId;
        }
    }
}
