using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>What one socket's gates hold, in the order of arrival, and what the socket is asked. Its lock is held around every use.</summary>
internal sealed class HeldMessages
{
    private int _count;

    public Lock Lock { get; } = new();

    /// <summary>Those that are asked about, and those that wait behind them.</summary>
    public List<HeldMessage> Messages { get; } = [];

    /// <summary>What is asked, by the challenge's id.</summary>
    public Dictionary<string, Challenge> Challenges { get; } = [];

    /// <summary>Which gates a listener has satisfied, and until when that holds: the client's next try passes.</summary>
    public Dictionary<(string Gate, string Client, Address Target, string Operation), DateTimeOffset> Satisfied { get; } = [];

    /// <summary>The socket is gone: nothing is held any more.</summary>
    public bool IsOver { get; set; }

    /// <summary>Whether nothing is held, without the lock: where nothing is, only the one who asks could add.</summary>
    public bool IsEmpty => Volatile.Read(ref _count) == 0;

    public void Add(HeldMessage message)
    {
        Messages.Add(message);
        Volatile.Write(ref _count, Messages.Count);
    }

    public void Remove(HeldMessage message)
    {
        Messages.Remove(message);
        Volatile.Write(ref _count, Messages.Count);
    }

    /// <summary>Whether a message must wait behind one before it, of the same client and to the same channel.</summary>
    public bool IsBehind(Transit transit, HeldMessage? itself = null)
    {
        HashSet<Address>? channels = null;
        foreach (var earlier in Messages)
        {
            if (earlier == itself)
            {
                return false;
            }

            if (earlier.Transit.Sender.Client == transit.Sender.Client && earlier.Channels.Overlaps(channels ??= [.. transit.Channels]))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>A message that is held.</summary>
internal sealed class HeldMessage(Transit transit, SendResponse answer)
{
    public Transit Transit { get; } = transit;

    /// <summary>What its sender was told when it was held, and is told again for a repeat.</summary>
    public SendResponse Answer { get; } = answer;

    /// <summary>Where it may go: what those behind it wait for.</summary>
    public HashSet<Address> Channels { get; } = [.. transit.Channels];

    /// <summary>What is asked about it; null while it waits behind others, or moves.</summary>
    public Challenge? Challenge { get; set; }

    /// <summary>Whether its gates are being asked now.</summary>
    public bool IsMoving { get; set; }

    /// <summary>Whether its end is decided: it is being stored, or refused.</summary>
    public bool IsGoing { get; set; }

    /// <summary>Ends its wait.</summary>
    public ITimer? Timer { get; set; }
}

/// <summary>What a client is asked, about a message or about itself as a listener.</summary>
internal sealed class Challenge(string id, string client, string gate, string kind, DateTimeOffset at)
{
    public string Id => id;

    public string Client => client;

    public string Gate => gate;

    public string Kind => kind;

    /// <summary>When it was asked.</summary>
    public DateTimeOffset At => at;

    public int Attempts { get; set; }

    /// <summary>Whether an answer is with the gate.</summary>
    public bool IsJudging { get; set; }

    /// <summary>The message; null for a listener.</summary>
    public HeldMessage? Message { get; init; }

    /// <summary>What the listener wants.</summary>
    public (Address Target, string Operation) Wish { get; init; }

    /// <summary>Ends a listener's challenge.</summary>
    public ITimer? Timer { get; set; }

    /// <summary>What the client is told of it.</summary>
    public ChallengeEvent Event(GateResult.Held question, string? channel, string? messageId, TimeSpan hold) => new()
    {
        Id = id,
        Kind = kind,
        Client = client,
        Channel = channel,
        Sentence = question.Sentence,
        Gate = gate,
        Data = question.Data?.ToDictionary(),
        MessageId = messageId,
        ExpiresAt = (at + hold).ToUnixTimeMilliseconds(),
    };
}

/// <summary>How an answer to a challenge was found.</summary>
internal enum AnswerVerdict
{
    /// <summary>It satisfied the gate that had asked.</summary>
    Good,

    /// <summary>It did not, and may be given again.</summary>
    Wrong,

    /// <summary>What it was about has ended.</summary>
    Refused,
}
