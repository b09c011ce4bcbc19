using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>
/// Waits for answers to messages that visitors' requests became. They come to an address of the node's own, which takes nothing but answers to what was asked from it (<see cref="AwaitedReplies"/>). Thread-safe.
/// </summary>
internal sealed class BridgeReplies
{
    /// <summary>Answers that came before anybody asked for them: between a message's append and its receipt. Older ones were too late.</summary>
    private const int MostEarly = 1_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, TaskCompletionSource<StoredMessage>> _waiting = new(StringComparer.Ordinal);
    private readonly Recent<string, StoredMessage> _early = new(MostEarly);
    private readonly IEngine _engine;
    private readonly Address _address;
    private Task? _following;

    public BridgeReplies(IEngine engine, AwaitedReplies replies, ChannelIndex channels)
    {
        _engine = engine;
        Desk = replies.Desk;
        _address = Address.Socket(Desk);
        channels.Appended += Hear;
    }

    /// <summary>What stands for a SOCK_ID in such a message.</summary>
    public string Desk { get; }

    /// <summary>When it completes, answers come here.</summary>
    public async Task BeginAsync()
    {
        Task following;
        lock (_lock)
        {
            following = _following is null or { IsFaulted: true } ? _following = _engine.Log.FollowAsync(_address).AsTask() : _following;
        }

        await following;
    }

    /// <summary>The first answer to a message; null: there is none in time.</summary>
    public async Task<StoredMessage?> WaitAsync(string messageId, TimeSpan wait, TimeProvider time, CancellationToken ct)
    {
        var mine = new TaskCompletionSource<StoredMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_early.TryPeek(messageId, out var early))
            {
                // It stays for a repeat of the request under the same key.
                return early;
            }

            if (!_waiting.TryAdd(messageId, mine))
            {
                mine = _waiting[messageId];
            }
        }

        try
        {
            return await mine.Task.WaitAsync(wait, time, ct);
        }
        catch (TimeoutException)
        {
            return null;
        }
        finally
        {
            lock (_lock)
            {
                _waiting.Remove(messageId);
            }
        }
    }

    private void Hear(LogEntry entry)
    {
        if (entry.Channel != _address || entry.Message.Re is not { } re)
        {
            return;
        }

        lock (_lock)
        {
            if (_waiting.Remove(re, out var waiting))
            {
                waiting.SetResult(entry.Message);
            }

            if (!_early.TryPeek(re, out _))
            {
                _early.Set(re, entry.Message);
            }
        }
    }
}
