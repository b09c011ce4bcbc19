namespace Duplexity.Server.Engine;

/// <summary>
/// What one client's keyed appends did: by session and sequence, and by keys of the application's choice. Not thread-safe: the log's lock is held around every call.
/// </summary>
/// <param name="limits">How many.</param>
/// <param name="window">How long.</param>
internal sealed class ClientReceipts(LimitOptions limits, TimeSpan window)
{
    // As many receipts as all sockets that a client may have can fill, or as many sessions of one send each: a client that draws a new session for
    // every send pays with its own oldest sessions.
    private readonly int _mostSequenced = limits.ReceiptsPerSession * limits.SocketsPerClient;
    private readonly Dictionary<string, SessionReceipts> _sessions = [];
    private readonly LinkedList<SessionReceipts> _byUse = new();
    private readonly Dictionary<string, Receipt> _keyed = [];
    private readonly Queue<(string Key, TimeSpan KeptAt)> _keyedByAge = new();
    private int _sequenced;

    public bool IsEmpty => _sessions.Count == 0 && _keyed.Count == 0;

    /// <summary>What the append with this key did before; null where it has to be done now.</summary>
    public AppendResult? Find(IdempotencyKey key, string messageId, TimeSpan now)
    {
        Trim(now);
        if (key.Key is not null)
        {
            return _keyed.TryGetValue(key.Key, out var kept) ? Repeat(kept, key, messageId) : null;
        }

        if (!_sessions.TryGetValue(key.Session!, out var session) || key.Sequence > session.Highest)
        {
            return key.TooEarly(session?.Highest ?? 0, messageId);
        }

        Touch(session, now);
        foreach (var receipt in session.Kept)
        {
            if (receipt.Sequence == key.Sequence)
            {
                return Repeat(receipt, key, messageId);
            }
        }

        return AppendResult.Refused(AppendOutcome.Unknown, messageId);
    }

    public void Keep(IdempotencyKey key, AppendResult result, TimeSpan now)
    {
        var receipt = new Receipt(key.Sequence, key.Fingerprint, result);
        if (key.Key is not null)
        {
            if (_keyed.Count >= limits.IdempotencyKeysPerClient)
            {
                _keyed.Remove(_keyedByAge.Dequeue().Key);
            }

            _keyed.Add(key.Key, receipt);
            _keyedByAge.Enqueue((key.Key, now));
            return;
        }

        if (!_sessions.TryGetValue(key.Session!, out var session))
        {
            session = new SessionReceipts(key.Session!);
            _sessions.Add(session.Id, session);
            _byUse.AddLast(session.Node);
        }

        Touch(session, now);
        session.Highest = key.Sequence;
        session.Kept.Enqueue(receipt);
        _sequenced++;
        if (session.Kept.Count > limits.ReceiptsPerSession)
        {
            session.Kept.Dequeue();
            _sequenced--;
        }

        while (_sequenced > _mostSequenced && _byUse.First is { } oldest && oldest != session.Node)
        {
            Forget(oldest.Value);
        }
    }

    /// <summary>Lets go of what the window has passed: keys by when they were first used, sessions by when they were last used.</summary>
    public void Trim(TimeSpan now)
    {
        while (_keyedByAge.TryPeek(out var oldest) && now - oldest.KeptAt >= window)
        {
            _keyedByAge.Dequeue();
            _keyed.Remove(oldest.Key);
        }

        while (_byUse.First is { } idle && now - idle.Value.LastUse >= window)
        {
            Forget(idle.Value);
        }
    }

    public ClientReceipts Copy()
    {
        var copy = new ClientReceipts(limits, window) { _sequenced = _sequenced };
        foreach (var session in _byUse)
        {
            var other = new SessionReceipts(session.Id) { Highest = session.Highest, LastUse = session.LastUse };
            foreach (var receipt in session.Kept)
            {
                other.Kept.Enqueue(receipt);
            }

            copy._sessions.Add(other.Id, other);
            copy._byUse.AddLast(other.Node);
        }

        foreach (var (key, keptAt) in _keyedByAge)
        {
            copy._keyed.Add(key, _keyed[key]);
            copy._keyedByAge.Enqueue((key, keptAt));
        }

        return copy;
    }

    private static AppendResult Repeat(Receipt kept, IdempotencyKey key, string messageId) => kept.Fingerprint == key.Fingerprint
        ? kept.Result with { Outcome = AppendOutcome.Repeated }
        : AppendResult.Refused(AppendOutcome.Mismatch, messageId);

    private void Touch(SessionReceipts session, TimeSpan now)
    {
        session.LastUse = now;
        _byUse.Remove(session.Node);
        _byUse.AddLast(session.Node);
    }

    private void Forget(SessionReceipts session)
    {
        _sessions.Remove(session.Id);
        _byUse.Remove(session.Node);
        _sequenced -= session.Kept.Count;
    }

    private sealed record Receipt(long Sequence, string Fingerprint, AppendResult Result);

    private sealed class SessionReceipts
    {
        public SessionReceipts(string id)
        {
            Id = id;
            Node = new(this);
        }

        public string Id { get; }
        public LinkedListNode<SessionReceipts> Node { get; }
        public long Highest { get; set; }
        public TimeSpan LastUse { get; set; }
        public Queue<Receipt> Kept { get; } = new();
    }
}
