using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary>
/// The writer's side of <c>messages.db</c>: one connection, and what it remembers of the file between batches. One life of it is one incarnation (G2): after a failed commit it is given up and another one
/// is opened, so that nothing remembered can differ from what is there. For the writer alone.
/// </summary>
internal sealed class SqliteStore : IDisposable
{
    private const int VacuumStep = 500;

    private readonly SqliteConnection _connection;
    private readonly SqliteMarks _marks;
    private readonly SqliteReceipts _receipts;
    private readonly SqliteChannels _channels;
    private readonly SqliteStatement _begin;
    private readonly SqliteStatement _commit;
    private readonly SqliteStatement _pages;
    private readonly SqliteStatement _free;
    private readonly SqliteStatement _vacuum;

    public SqliteStore(SqliteConnection connection, DuplexityOptions options, IRetention retention, string incarnation, LogClock clock)
    {
        _connection = connection;
        _marks = new SqliteMarks(connection, options.Limits, clock);
        _receipts = new SqliteReceipts(connection, options.Limits, options.Times.Idempotency, clock);
        _channels = new SqliteChannels(connection, _marks, retention, options.Times.ChannelMarks, incarnation, clock);

        // Of everything that is let go of by use: after a start in the same moment or an earlier one, what is used now would else count as the oldest.
        clock.GoOnFrom((long)new SqliteStatement(
            connection,
            """
            SELECT coalesce(max(used), 0) FROM (
                SELECT max(used) AS used FROM sessions UNION ALL SELECT max(used) FROM keys UNION ALL SELECT max(used) FROM tokens UNION ALL SELECT max(used) FROM sources)
            """).Scalar()!);
        _begin = new SqliteStatement(connection, "BEGIN IMMEDIATE");
        _commit = new SqliteStatement(connection, "COMMIT");
        _pages = new SqliteStatement(connection, "PRAGMA page_count");
        _free = new SqliteStatement(connection, "PRAGMA freelist_count");
        _vacuum = new SqliteStatement(connection, $"PRAGMA incremental_vacuum({VacuumStep})");
    }

    public void Begin() => _begin.Run();

    public void Commit()
    {
        _receipts.Flush();
        _channels.Flush();
        _commit.Run();
    }

    /// <summary>What the append with this key did before; null where it has to be done now.</summary>
    public AppendResult? Find(IdempotencyKey key, string messageId) => _receipts.Find(key, messageId);

    public void Keep(IdempotencyKey key, AppendResult result) => _receipts.Keep(key, result);

    /// <summary>Why a channel does not take it; null where it does.</summary>
    public AppendOutcome? Refusal(Address destination, Fence? fence, SourcePlace? source)
    {
        if (_channels.Find(destination) is not { } channel)
        {
            return null;
        }

        if (fence is not null && _marks.IsStale(channel.Id, fence))
        {
            return AppendOutcome.StaleFence;
        }

        return source is not null && _marks.HasTaken(channel.Id, source) ? AppendOutcome.AlreadyTaken : null;
    }

    public SqliteChannel Channel(Address address) => _channels.FindOrAdd(address);

    public long AddMessage(int copies, byte[] body, byte[]? places) => _channels.AddMessage(copies, body, places);

    public void Append(SqliteChannel channel, AppendRequest request, long message, int nth, int size)
    {
        _marks.Raise(channel.Id, request.Fence, request.Source);
        _channels.Append(channel, message, nth, size);
    }

    /// <summary>Forgets a channel with all that is in it.</summary>
    public void Remove(Address address) => _channels.Remove(address);

    /// <summary>Lets go of some of what is too old and gives some of the room back; whether there is more.</summary>
    public bool Sweep(List<Address> forgotten)
    {
        var more = _channels.Sweep(forgotten);
        more |= _receipts.Sweep();
        return more || Shrink();
    }

    public void Dispose() => _connection.Dispose();

    /// <summary>A tenth may lie free, for what comes next: the file would only grow again.</summary>
    private bool Shrink()
    {
        var (pages, free) = ((long)_pages.Scalar()!, (long)_free.Scalar()!);
        if (free <= VacuumStep || free <= pages / 10)
        {
            return false;
        }

        using var rows = _vacuum.Read();
        while (rows.Read())
        {
        }

        return true;
    }
}
