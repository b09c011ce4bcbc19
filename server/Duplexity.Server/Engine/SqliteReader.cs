using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary>Reads <c>messages.db</c> beside the writer; every answer is of one moment. Not thread-safe.</summary>
internal sealed class SqliteReader(SqliteConnection connection, LogClock clock) : IDisposable
{
    private const string Entry = "SELECT e.offset, e.epoch, e.before, e.nth, m.body, m.places, e.appended FROM entries e JOIN messages m ON m.id = e.message WHERE e.channel = $0";

    private readonly SqliteStatement _begin = new(connection, "BEGIN");
    private readonly SqliteStatement _end = new(connection, "COMMIT");
    private readonly SqliteStatement _channel = new(connection, "SELECT id, top, epoch, first FROM channels WHERE address = $0");
    private readonly SqliteStatement _first = new(
        connection, "SELECT offset, before, epoch FROM entries WHERE channel = $0 AND offset >= $1 AND appended >= $2 ORDER BY offset LIMIT 1");

    private readonly SqliteStatement _epoch = new(connection, "SELECT epoch FROM entries WHERE channel = $0 AND offset = $1");
    private readonly SqliteStatement _forwards = new(connection, $"{Entry} AND e.offset >= $1 AND e.offset <= $2 ORDER BY e.offset");
    private readonly SqliteStatement _backwards = new(connection, $"{Entry} AND e.offset >= $1 AND e.offset <= $2 ORDER BY e.offset DESC");
    private readonly SqliteStatement _places = new(
        connection, "SELECT places FROM sources WHERE channel = (SELECT id FROM channels WHERE address = $0) AND edge = $1");

    public ReadPage Read(Address address, Position? since, int limit, bool reverse, TimeSpan age)
    {
        _begin.Run();
        try
        {
            return ReadNow(address, since, limit, reverse, age);
        }
        finally
        {
            _end.Run();
        }
    }

    public Position Top(Address address)
    {
        using var rows = _channel.Read(address.ToString());
        return rows.Read() ? new Position(rows.GetInt64(1), rows.GetString(2)) : Position.Start;
    }

    public Position? LastTaken(Address address, string edge) => _places.Scalar(address.ToString(), edge) is byte[] places ? StoredBytes.Read<Position[]>(places)[^1] : null;

    public void Dispose() => connection.Dispose();

    private ReadPage ReadNow(Address address, Position? since, int limit, bool reverse, TimeSpan age)
    {
        long id, first;
        Position top;
        using (var rows = _channel.Read(address.ToString()))
        {
            if (!rows.Read())
            {
                return new(new LogPage(since is null || since == Position.Start, [], Position.Start, End: true), []);
            }

            (id, top, first) = (rows.GetInt64(0), new Position(rows.GetInt64(1), rows.GetString(2)), rows.GetInt64(3));
        }

        // What is too old has left, whether or not the sweep has been there.
        var before = top;
        using (var rows = _first.Read(id, first, (long)(clock.Now - age).TotalMilliseconds))
        {
            if (rows.Read())
            {
                first = rows.GetInt64(0);
                before = new Position(first - 1, rows.GetString(rows.IsDBNull(1) ? 2 : 1));
            }
            else
            {
                first = top.Offset + 1;
            }
        }

        if (since is not null && !Knows(id, since, first, before, top))
        {
            return new(new LogPage(Recovered: false, [], top, End: true), []);
        }

        var (from, to) = reverse
            ? (Math.Max(first, (since?.Offset ?? (top.Offset + 1)) - limit), (since?.Offset ?? (top.Offset + 1)) - 1)
            : (since is null ? first : since.Offset + 1, Math.Min(top.Offset, (since is null ? first - 1 : since.Offset) + limit));
        var (entries, appended) = Entries(address, reverse ? _backwards : _forwards, id, from, to);
        var last = entries.Count > 0 ? entries[^1].Position.Offset : reverse ? from : to;
        return new(new LogPage(Recovered: true, entries, top, End: reverse ? last <= first : last >= top.Offset), appended);
    }

    /// <summary>As <see cref="LogTail.Knows"/>.</summary>
    private bool Knows(long id, Position place, long first, Position before, Position top) =>
        place == top
        || place == before
        || (place.Offset >= first && place.Offset < top.Offset && _epoch.Scalar(id, place.Offset) is string epoch && epoch == place.Epoch);

    private static (List<LogEntry> Entries, List<TimeSpan> Appended) Entries(Address address, SqliteStatement statement, long id, long from, long to)
    {
        List<LogEntry> entries = [];
        List<TimeSpan> appended = [];
        var bytes = 0L;
        using var rows = statement.Read(id, from, to);
        while (bytes < LogPage.MaxBytes && rows.Read())
        {
            var (offset, epoch, nth) = (rows.GetInt64(0), rows.GetString(1), rows.GetInt32(3));
            entries.Add(new LogEntry(
                address,
                new Position(offset, epoch),
                new Position(offset - 1, rows.IsDBNull(2) ? epoch : rows.GetString(2)),
                StoredBytes.Read<StoredMessage>((byte[])rows[4]),
                nth == 0 ? Array.Empty<Position>() : StoredBytes.Read<Position[]>((byte[])rows[5])[..nth]));
            appended.Add(TimeSpan.FromMilliseconds(rows.GetInt64(6)));
            bytes += entries[^1].Message.Size;
        }

        return (entries, appended);
    }
}

/// <summary>A page, and when each of its entries was appended.</summary>
internal sealed record ReadPage(LogPage Page, IReadOnlyList<TimeSpan> Appended);
