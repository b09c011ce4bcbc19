using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary>One connection to <c>records.db</c> and what is done by it. Not thread-safe.</summary>
internal sealed class SqliteRecordStore(SqliteConnection connection, TimeProvider time) : IDisposable
{
    private readonly SqliteStatement _begin = new(connection, "BEGIN IMMEDIATE");
    private readonly SqliteStatement _commit = new(connection, "COMMIT");
    private readonly SqliteStatement _add = new(
        connection,
        """
        INSERT INTO records (kind, key, value, expires) VALUES ($0, $1, $2, $3)
        ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires = excluded.expires WHERE records.expires <= $4
        """);

    private readonly SqliteStatement _put = new(
        connection, "INSERT INTO records (kind, key, value, expires) VALUES ($0, $1, $2, $3) ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires = excluded.expires");

    private readonly SqliteStatement _replace = new(
        connection, "UPDATE records SET value = $3, expires = $4 WHERE kind = $0 AND key = $1 AND value = $2 AND (expires IS NULL OR expires > $5)");

    private readonly SqliteStatement _read = new(connection, "SELECT value FROM records WHERE kind = $0 AND key = $1 AND (expires IS NULL OR expires > $2)");
    private readonly SqliteStatement _remove = new(connection, "DELETE FROM records WHERE kind = $0 AND key = $1");
    private readonly SqliteStatement _list = new(connection, "SELECT key, value FROM records WHERE kind = $0 AND (expires IS NULL OR expires > $1) ORDER BY key");

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    public void Begin() => _begin.Run();

    public void Commit() => _commit.Run();

    public bool TryAdd(string kind, string key, string value, DateTimeOffset? expiresAt) => _add.Run(kind, key, value, expiresAt?.ToUnixTimeMilliseconds(), Now) > 0;

    public bool Put(string kind, string key, string value, DateTimeOffset? expiresAt) => _put.Run(kind, key, value, expiresAt?.ToUnixTimeMilliseconds()) > 0;

    public bool TryReplace(string kind, string key, string expected, string value, DateTimeOffset? expiresAt) =>
        _replace.Run(kind, key, expected, value, expiresAt?.ToUnixTimeMilliseconds(), Now) > 0;

    public string? Read(string kind, string key) => (string?)_read.Scalar(kind, key, Now);

    public string? Take(string kind, string key)
    {
        var value = Read(kind, key);
        _remove.Run(kind, key);
        return value;
    }

    public List<KeyValuePair<string, string>> List(string kind)
    {
        var all = new List<KeyValuePair<string, string>>();
        using var reader = _list.Read(kind, Now);
        while (reader.Read())
        {
            all.Add(new(reader.GetString(0), reader.GetString(1)));
        }

        return all;
    }

    public void Dispose() => connection.Dispose();
}
