using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>
/// Which sockets wait for an answer to which message: whoever has the message may send its answer to the socket, which is closed to them otherwise. Ids are hashes that only sender and receivers know. The newest
/// 100,000 of a node and 10,000 of a client, so that nobody pushes out what others wait for; an answer to an older one goes to the inbox. A message pipe can write the header that asks, but only a sender gives the right to answer it. Thread-safe.
/// </summary>
internal sealed class AwaitedReplies
{
    /// <summary>Requests remembered: some 20 MB, and minutes of a node that does nothing else.</summary>
    private const int Most = 100_000;

    /// <summary>Those of one client.</summary>
    private const int Share = Most / 10;

    /// <summary>An address of the node's own, in the form of a SOCK_ID: what stands for a socket in messages that no socket has sent and whose answer somebody here waits for. It takes answers and nothing else.</summary>
    public string Desk { get; } = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16));

    private readonly Lock _lock = new();
    private readonly Recent<string, Asked> _asked = new(Most);
    private readonly Dictionary<string, Recent<string, Asked>> _ofClients = [];

    /// <summary>A message is about to be stored.</summary>
    public void Note(StoredMessage message)
    {
        if (message.FromSocket is not { } socket || message.Headers?.ContainsKey(Wire.ReplyHeader) != true)
        {
            return;
        }

        lock (_lock)
        {
            if (message.Path is not { Hops: [var first, ..] } || (_asked.TryPeek(first.MessageId, out var asker) && asker.Socket == socket))
            {
                AddUnsynchronized(new Asked(message.Id, message.ChargedTo, socket));
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
            return _asked.TryPeek(re, out var asked) && asked.Socket == socketId;
        }
    }

    private void AddUnsynchronized(Asked asked)
    {
        if (_asked.TryPeek(asked.Id, out var before))
        {
            RemoveUnsynchronized(before);
        }

        if (_ofClients.TryGetValue(asked.Client, out var own) && own.Count >= Share && own.RemoveOldest(out var oldest))
        {
            RemoveUnsynchronized(oldest);
        }
        else if (_asked.Count >= Most && _asked.RemoveOldest(out oldest))
        {
            RemoveUnsynchronized(oldest);
        }

        if (!_ofClients.TryGetValue(asked.Client, out own))
        {
            _ofClients[asked.Client] = own = new(Share);
        }

        own.Set(asked.Id, asked);
        _asked.Set(asked.Id, asked);
    }

    private void RemoveUnsynchronized(Asked asked)
    {
        _asked.Remove(asked.Id);
        if (_ofClients.TryGetValue(asked.Client, out var own))
        {
            own.Remove(asked.Id);
            if (own.Count == 0)
            {
                _ofClients.Remove(asked.Client);
            }
        }
    }

    private sealed record Asked(string Id, string Client, string Socket);
}
