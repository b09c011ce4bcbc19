namespace Duplexity.Server.Pipes;

/// <summary>A message's way as it went: what each step announced of it. Kept only for messages that are traced; bounded, what is over is counted. Thread-safe.</summary>
internal sealed class MessageTrace(string messageId = "", string owner = "")
{
    /// <summary>What is kept of one message: its way in, and the first hundreds of those it went out to.</summary>
    private const int Most = 500;

    private readonly Lock _lock = new();
    private readonly List<Announcement> _hops = [];

    public string MessageId => messageId;

    /// <summary>The sender.</summary>
    public string Owner => owner;

    public IReadOnlyList<Announcement> Hops
    {
        get
        {
            lock (_lock)
            {
                return [.. _hops];
            }
        }
    }

    /// <summary>How many more there were.</summary>
    public int LeftOut { get; private set; }

    public void Add(Announcement hop)
    {
        lock (_lock)
        {
            if (_hops.Count < Most)
            {
                // Without the body: hundreds of them would be megabytes.
                _hops.Add(hop with { Message = null });
            }
            else
            {
                LeftOut++;
            }
        }
    }
}
