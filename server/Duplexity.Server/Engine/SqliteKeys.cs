using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary>What appends with keys of the application's choice did, on disk (G4). For the writer alone, within its transaction.</summary>
internal sealed class SqliteKeys(SqliteConnection connection, LimitOptions limits, TimeSpan window, LogClock clock)
{
    /// <summary>Clients whose keys are counted; any other's are counted again.</summary>
    private const int ClientsInMemory = 4_096;

    private readonly Recent<string, long> _counts = new(ClientsInMemory);
    private readonly SqliteStatement _key = new(connection, "SELECT fingerprint, receipt, used FROM keys WHERE client = $0 AND key = $1");
    private readonly SqliteStatement _add = new(connection, "INSERT INTO keys (client, key, fingerprint, receipt, used) VALUES ($0, $1, $2, $3, $4)");
    private readonly SqliteStatement _drop = new(connection, "DELETE FROM keys WHERE client = $0 AND key = $1");
    private readonly SqliteStatement _dropOldest = new(
        connection, "DELETE FROM keys WHERE client = $0 AND key = (SELECT key FROM keys WHERE client = $0 ORDER BY used LIMIT 1)");

    private readonly SqliteStatement _count = new(connection, "SELECT count(*) FROM keys WHERE client = $0");
    private readonly SqliteStatement _dropOld = new(
        connection, "DELETE FROM keys WHERE (client, key) IN (SELECT client, key FROM keys WHERE used < $0 ORDER BY used LIMIT $1)");

    private long Over => LogClock.TicksEnd(clock.Now - window);

    public AppendResult? Find(IdempotencyKey key, string messageId)
    {
        using (var rows = _key.Read(key.Client, key.Key))
        {
            if (!rows.Read())
            {
                return null;
            }

            if (rows.GetInt64(2) >= Over)
            {
                return StoredReceipt.Repeat(rows, key, messageId);
            }
        }

        var count = CountOf(key.Client);
        _counts.Set(key.Client, count - _drop.Run(key.Client, key.Key));
        return null;
    }

    public void Keep(IdempotencyKey key, AppendResult result)
    {
        var count = CountOf(key.Client);
        if (count >= limits.IdempotencyKeysPerClient)
        {
            count -= _dropOldest.Run(key.Client);
        }

        _add.Run(key.Client, key.Key, key.Fingerprint, StoredReceipt.Of(result), clock.NextTick());
        _counts.Set(key.Client, count + 1);
    }

    /// <summary>Lets go of some of what the window has passed; whether there is more.</summary>
    public bool Sweep(int most)
    {
        if (_dropOld.Run(Over, (long)most) == 0)
        {
            return false;
        }

        // Whose they were is not worth a look: counted again at the next use.
        while (_counts.RemoveOldest(out _))
        {
        }

        return true;
    }

    private long CountOf(string client) => _counts.TryGet(client, out var count) ? count : (long)_count.Scalar(client)!;
}
