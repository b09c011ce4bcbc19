using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary>
/// What keyed appends did, on disk, with the rules of <see cref="ClientReceipts"/> (G4): by session and sequence here, by keys of the application's choice in <see cref="SqliteKeys"/>. Read when a session
/// is used, never all of it. For the writer alone, within its transaction.
/// </summary>
internal sealed class SqliteReceipts(SqliteConnection connection, LimitOptions limits, TimeSpan window, LogClock clock)
{
    /// <summary>Sessions remembered between batches: 4,096 of at most 2 KiB. Any other is read again.</summary>
    private const int SessionsInMemory = 4_096;

    /// <summary>Rows that one step of a sweep deletes at most, so that no append waits long behind it.</summary>
    private const int Step = 500;

    private readonly Recent<(string Client, string Session), SqliteSession> _sessions = new(SessionsInMemory);
    private readonly Recent<string, Counts> _clients = new(SessionsInMemory);
    private readonly HashSet<SqliteSession> _changed = [];
    private readonly SqliteKeys _keys = new(connection, limits, window, clock);

    private readonly SqliteStatement _session = new(connection, "SELECT id, highest, used FROM sessions WHERE client = $0 AND session = $1");
    private readonly SqliteStatement _kept = new(connection, "SELECT sequence FROM receipts WHERE session = $0 ORDER BY sequence");
    private readonly SqliteStatement _addSession = new(
        connection, "INSERT INTO sessions (client, session, highest, kept, used) VALUES ($0, $1, 0, 0, $2) RETURNING id");
    private readonly SqliteStatement _changeSession = new(connection, "UPDATE sessions SET highest = $1, kept = $2, used = $3 WHERE id = $0");
    private readonly SqliteStatement _countKept = new(connection, "SELECT coalesce(sum(kept), 0) FROM sessions WHERE client = $0");
    private readonly SqliteStatement _oldestSession = new(connection, "SELECT id, session, kept FROM sessions WHERE client = $0 ORDER BY used LIMIT 1");

    private readonly SqliteStatement _receipt = new(connection, "SELECT fingerprint, receipt FROM receipts WHERE session = $0 AND sequence = $1");
    private readonly SqliteStatement _addReceipt = new(connection, "INSERT INTO receipts (session, sequence, fingerprint, receipt) VALUES ($0, $1, $2, $3)");
    private readonly SqliteStatement _trimReceipts = new(connection, "DELETE FROM receipts WHERE session = $0 AND sequence < $1");
    private readonly SqliteStatement _forgetReceipts = new(connection, "DELETE FROM receipts WHERE session = $0");
    private readonly SqliteStatement _forgetSession = new(connection, "DELETE FROM sessions WHERE id = $0");
    private readonly SqliteStatement _idle = new(connection, "SELECT id, client, session, kept FROM sessions WHERE used < $0 ORDER BY used LIMIT $1");
    /// <summary>What the append with this key did before; null where it has to be done now.</summary>
    public AppendResult? Find(IdempotencyKey key, string messageId)
    {
        if (key.Key is not null)
        {
            return _keys.Find(key, messageId);
        }

        var session = SessionOf(key);
        if (session is null || key.Sequence > session.Highest)
        {
            return key.TooEarly(session?.Highest ?? 0, messageId);
        }

        session.Used = clock.NextTick();
        _changed.Add(session);
        if (session.Kept.TryPeek(out var oldest) && key.Sequence >= oldest)
        {
            using var rows = _receipt.Read(session.Id, key.Sequence);
            if (rows.Read())
            {
                return StoredReceipt.Repeat(rows, key, messageId);
            }
        }

        return AppendResult.Refused(AppendOutcome.Unknown, messageId);
    }

    public void Keep(IdempotencyKey key, AppendResult result)
    {
        if (key.Key is not null)
        {
            _keys.Keep(key, result);
            return;
        }

        var counts = CountsOf(key.Client);
        var session = SessionOf(key) ?? AddSession(key);
        session.Highest = key.Sequence;
        session.Used = clock.NextTick();
        session.Kept.Enqueue(key.Sequence);
        _addReceipt.Run(session.Id, key.Sequence, key.Fingerprint, StoredReceipt.Of(result));
        _changed.Add(session);
        counts.Sequenced++;
        if (session.Kept.Count > limits.ReceiptsPerSession)
        {
            session.Kept.Dequeue();
            session.IsLonger = true;
            counts.Sequenced--;
        }

        // As many as all sockets that a client may have can fill: who draws a new session for every send pays with its own oldest ones.
        if (counts.Sequenced > limits.ReceiptsPerSession * limits.SocketsPerClient)
        {
            DropOldestSessions(key.Client, session, counts);
        }
    }

    /// <summary>Writes what the batch changed; before every commit.</summary>
    public void Flush()
    {
        foreach (var session in _changed)
        {
            _changeSession.Run(session.Id, session.Highest, session.Kept.Count, session.Used);
            if (session.IsLonger)
            {
                _trimReceipts.Run(session.Id, session.Kept.Peek());
                session.IsLonger = false;
            }
        }

        _changed.Clear();
    }

    /// <summary>Lets go of some of what the window has passed; whether there is more.</summary>
    public bool Sweep()
    {
        Flush();
        var over = LogClock.TicksEnd(clock.Now - window);
        var more = _keys.Sweep(Step);
        List<(long Id, string Client, string Session, int Kept)> idle = [];
        using (var rows = _idle.Read(over, Math.Max(1, Step / limits.ReceiptsPerSession)))
        {
            while (rows.Read())
            {
                idle.Add((rows.GetInt64(0), rows.GetString(1), rows.GetString(2), rows.GetInt32(3)));
            }
        }

        foreach (var (id, client, session, kept) in idle)
        {
            CountsOf(client).Sequenced -= kept;
            Forget(id, client, session);
        }

        return more || idle.Count > 0;
    }

    private bool IsOver(long used) => used < LogClock.TicksEnd(clock.Now - window);

    private SqliteSession? SessionOf(IdempotencyKey key)
    {
        var name = (key.Client, key.Session!);
        if (!_sessions.TryGet(name, out var session))
        {
            session = ReadSession(name);
            if (session is null)
            {
                return null;
            }

            _sessions.Set(name, session);
        }

        if (!IsOver(session.Used))
        {
            return session;
        }

        CountsOf(key.Client).Sequenced -= session.Kept.Count;
        Forget(session.Id, key.Client, key.Session!);
        return null;
    }

    private SqliteSession? ReadSession((string Client, string Session) name)
    {
        SqliteSession session;
        using (var rows = _session.Read(name.Client, name.Session))
        {
            if (!rows.Read())
            {
                return null;
            }

            session = new SqliteSession(rows.GetInt64(0)) { Highest = rows.GetInt64(1), Used = rows.GetInt64(2) };
        }

        using var kept = _kept.Read(session.Id);
        while (kept.Read())
        {
            session.Kept.Enqueue(kept.GetInt64(0));
        }

        // A limit that was lowered since.
        while (session.Kept.Count > limits.ReceiptsPerSession)
        {
            session.Kept.Dequeue();
            session.IsLonger = true;
        }

        return session;
    }

    private SqliteSession AddSession(IdempotencyKey key)
    {
        var session = new SqliteSession((long)_addSession.Scalar(key.Client, key.Session, clock.NextTick())!);
        _sessions.Set((key.Client, key.Session!), session);
        return session;
    }

    private void DropOldestSessions(string client, SqliteSession but, Counts counts)
    {
        Flush();
        while (counts.Sequenced > limits.ReceiptsPerSession * limits.SocketsPerClient)
        {
            using var rows = _oldestSession.Read(client);
            if (!rows.Read() || rows.GetInt64(0) == but.Id)
            {
                return;
            }

            var (id, session, kept) = (rows.GetInt64(0), rows.GetString(1), rows.GetInt32(2));
            rows.Close();
            Forget(id, client, session);
            counts.Sequenced -= kept;
        }
    }

    private void Forget(long id, string client, string session)
    {
        if (_sessions.TryGet((client, session), out var known))
        {
            _changed.Remove(known);
            _sessions.Remove((client, session));
        }

        _forgetReceipts.Run(id);
        _forgetSession.Run(id);
    }

    private Counts CountsOf(string client)
    {
        if (!_clients.TryGet(client, out var counts))
        {
            // What the batch has changed counts as well.
            Flush();
            counts = new Counts { Sequenced = (long)_countKept.Scalar(client)! };
            _clients.Set(client, counts);
        }

        return counts;
    }

    private sealed class Counts
    {
        public long Sequenced { get; set; }
    }

    private sealed class SqliteSession(long id)
    {
        public long Id { get; } = id;

        public long Highest { get; set; }

        /// <summary>A tick of the log's clock.</summary>
        public long Used { get; set; }

        /// <summary>The sequences that have a receipt.</summary>
        public Queue<long> Kept { get; } = new();

        /// <summary>Whether the disk has receipts before the first one of <see cref="Kept"/>.</summary>
        public bool IsLonger { get; set; }
    }
}
