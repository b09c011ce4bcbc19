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
    private readonly Dictionary<string, Question> _waiting = new(StringComparer.Ordinal);
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

    /// <summary>The first answer to a message; null: there is none in time. A request that is repeated under one key is one message, for which several wait, each as long as it may.</summary>
    public async Task<StoredMessage?> WaitAsync(string messageId, TimeSpan wait, TimeProvider time, CancellationToken ct)
    {
        Question? question;
        lock (_lock)
        {
            if (_early.TryPeek(messageId, out var early))
            {
                // It stays for a repeat of the request under the same key.
                return early;
            }

            if (!_waiting.TryGetValue(messageId, out question))
            {
                _waiting.Add(messageId, question = new());
            }

            question.Waiters++;
        }

        try
        {
            return await question.Answer.Task.WaitAsync(wait, time, ct);
        }
        catch (TimeoutException)
        {
            return null;
        }
        finally
        {
            lock (_lock)
            {
                if (--question.Waiters == 0)
                {
                    _waiting.Remove(messageId);
                }
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
            if (_waiting.TryGetValue(re, out var question))
            {
                question.Answer.TrySetResult(entry.Message); // a later one counts for nothing
            }

            if (!_early.TryPeek(re, out _))
            {
                _early.Set(re, entry.Message);
            }
        }
    }

    /// <summary>A message whose answer is waited for.</summary>
    private sealed class Question
    {
        public TaskCompletionSource<StoredMessage> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Waiters { get; set; }
    }
}
