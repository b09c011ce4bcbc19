using Duplexity.Server.Engine;

namespace Duplexity.Server.Inboxes;

/// <summary>
/// One client's inbox: its readers, and what none of them has acknowledged. Read from records and log when it is first touched; from then on it follows the log. The lock is held for moments, never over a wait. Thread-safe.
/// </summary>
internal sealed partial class Inbox(Address address, IEngine engine, TimeProvider time, DuplexityOptions options, IInboxes host) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, InboxReader> _readers = new(StringComparer.Ordinal);
    private readonly Tally _sending = new();
    private readonly Following _following = new(engine.Log, address);
    private UnreadMail _unread = new(Position.Start);
    private TaskCompletionSource? _room;
    private ITimer? _timer;
    private DateTimeOffset _touched = time.GetUtcNow();
    private int _buried;

    public Address Address { get; } = address;

    /// <summary>The CID.</summary>
    public string Client => Address.Name;

    /// <summary>One more is given up: the how many-th it is, from 1 on.</summary>
    public int CountBuried() => Interlocked.Increment(ref _buried);

    /// <summary>Why it does not take a message of a sender; null: it does. Until it is read from the log it takes what fits into the log beside a full inbox.</summary>
    public DuplexityError? Refusal(string sender, bool isServer, int size)
    {
        lock (_lock)
        {
            var now = Touch();
            if (!_isLoaded)
            {
                _ = LoadedAsync();
                return _sending.Count + _ahead.Count < Retained
                    ? null
                    : DuplexityError.Of(Errors.Unavailable, "The inbox is being read after a start; send again in a moment.") with { RetryAfterMs = 1000 };
            }

            _unread.Expire(now - options.Times.Retention);
            var limits = options.Limits;
            var (count, bytes) = (_unread.Tally.Count + _sending.Count, _unread.Tally.Bytes + _sending.Bytes);
            if (count >= limits.InboxMessages || (count > 0 && bytes + size > limits.InboxBytes))
            {
                LookAgainUnsynchronized(now);
                return Full($"The inbox is full: {count} messages of {bytes} bytes wait to be acknowledged there; send again when they have been.", count < limits.InboxMessages, count, bytes, "");
            }

            var (own, ownBytes) = (_unread.Tally.Of(sender).Count + _sending.Of(sender).Count, _unread.Tally.Of(sender).Bytes + _sending.Of(sender).Bytes);
            return !isServer && (own >= Math.Max(1, limits.InboxMessages / 10) || (own > 0 && ownBytes + size > limits.InboxBytes / 10))
                ? Full($"Your part of the inbox is full: {own} of your messages of {ownBytes} bytes wait there, a tenth is one sender's; send again when they have been acknowledged.", own < Math.Max(1, limits.InboxMessages / 10), own, ownBytes, "_per_sender")
                : null;
        }
    }

    /// <summary>A message is on its way to the log; counted until <see cref="Sent"/>, and from its arrival there as unread.</summary>
    public void Sending(string sender, int size)
    {
        lock (_lock)
        {
            _sending.Add(sender, size);
        }
    }

    /// <summary>What became of it is known.</summary>
    public void Sent(string sender, int size)
    {
        lock (_lock)
        {
            _sending.Remove(sender, size);
        }
    }

    /// <summary>One of its readers; made, behind what nobody has acknowledged, where there is none of that name. Null: it has too many. Loaded before.</summary>
    public InboxReader? Reader(string name)
    {
        lock (_lock)
        {
            var now = Touch();
            if (!_readers.TryGetValue(name, out var reader))
            {
                foreach (var old in _readers.Values.Where(r => r.Readings.Count == 0 && now - r.Used > options.Times.Retention).ToArray())
                {
                    _readers.Remove(old.Name);
                }

                if (_readers.Count >= options.Limits.InboxReaders)
                {
                    return null;
                }

                reader = new InboxReader(name, _unread.Start);
                _readers.Add(name, reader);
            }

            reader.Used = now;
            host.Changed(this);
            return reader;
        }
    }

    /// <summary>Everything up to a place that the log knows is acknowledged.</summary>
    public void AcknowledgeThrough(InboxReader reader, Position through, string? by)
    {
        News news;
        lock (_lock)
        {
            if (!reader.AcknowledgeThrough(through, by))
            {
                return;
            }

            MovedUnsynchronized(reader);
            news = NewsUnsynchronized(reader);
        }

        Spread(news);
        host.OnAcknowledged(this, through, isThrough: true);
    }

    /// <summary>The same for one who wants to know: it is known to all nodes when it completes.</summary>
    public async ValueTask AcknowledgeThroughAsync(InboxReader reader, Position through, string? by)
    {
        AcknowledgeThrough(reader, through, by);
        if (IsShared)
        {
            await KeepAsync();
        }
    }

    /// <summary>One message is acknowledged by hand. Null: it counts, and others who have it in hand are told.</summary>
    public async ValueTask<(int Code, string Name)?> AcknowledgeAsync(InboxReader reader, Position position, int? attempt, string? by)
    {
        var refused = await DecideAsync(reader, r => r.Acknowledge(position, attempt, by));
        if (IsShared && refused is not null && refused != Errors.Taken)
        {
            // Another node may have offered it since this one has looked.
            await LookAsync();
            var isThere = await KnowsAsync(position);
            refused = await DecideAsync(reader, r => isThere ? r.AcknowledgeOffered(position, attempt, by) : r.Acknowledge(position, attempt, by));
        }

        if (refused is null)
        {
            host.OnAcknowledged(this, position, isThrough: false);

            // A hand may be free.
            DealIfClaimed(reader);
        }

        return refused;
    }

    /// <summary>Whether nobody has used it for a while: what it knows can be read again.</summary>
    public bool IsIdle(TimeSpan age)
    {
        lock (_lock)
        {
            return time.GetUtcNow() - _touched > age && _sending.Count == 0 && _readers.Values.All(r => r.Readings.Count == 0);
        }
    }

    /// <summary>Whether somebody reads it here.</summary>
    public bool IsRead
    {
        get
        {
            lock (_lock)
            {
                return _readers.Values.Any(r => r.Readings.Count > 0);
            }
        }
    }

    /// <summary>Whether its client was removed, and nothing of it is written any more. Changes in the index's turn.</summary>
    public bool IsRemoved { get; set; }

    public void Dispose()
    {
        _timer?.Dispose();
        _following.End();
    }

    private static DuplexityError Full(string sentence, bool isBytes, int count, long bytes, string whose) =>
        DuplexityError.Of(Errors.InboxFull, sentence) with { Limit = (isBytes ? "inbox_bytes" : "inbox_messages") + whose, Used = isBytes ? bytes : count };

    private void MovedUnsynchronized(InboxReader reader)
    {
        reader.Used = Touch();
        if (reader.Cursor.Offset > _unread.Start.Offset)
        {
            _unread.Advance(reader.Cursor);
        }

        FreeRoomUnsynchronized();
        host.Changed(this);
    }

    private void FreeRoomUnsynchronized()
    {
        _room?.TrySetResult();
        _room = null;
    }

    private DateTimeOffset Touch() => _touched = time.GetUtcNow();
}

/// <summary>Where inboxes are kept.</summary>
internal interface IInboxes
{
    /// <summary>A reader has moved: its place is to be written, soon. Does not block.</summary>
    void Changed(Inbox inbox);

    /// <summary>A message is acknowledged or, with <paramref name="isThrough"/>, all up to a place. Does not block.</summary>
    void OnAcknowledged(Inbox inbox, Position place, bool isThrough);

    /// <summary>A message has used up its attempts and is kept as a dead letter; throws where it cannot be.</summary>
    Task BuryAsync(Inbox inbox, LogEntry entry, int attempts);

    /// <summary>Whether a client is disabled or removed: where nothing is written of it, nothing will be.</summary>
    bool IsOut(string client);

    /// <summary>Something about an inbox did not work, and is tried again.</summary>
    void Failed(Inbox inbox, Exception exception);
}
