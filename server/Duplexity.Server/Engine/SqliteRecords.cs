using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary>
/// Records in a file of the data folder, <c>records.db</c>: SQLite, every change on the disk before it is answered. The folder and the file are made with the first record, for their owner
/// alone; until then nothing of it exists.
/// </summary>
internal sealed class SqliteRecords(string folder, TimeProvider time) : IRecords, IDisposable
{
    private const UnixFileMode OwnersFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // One connection and one caller at a time: records are few and changes rare. Off the caller's thread, because a commit waits for the disk.
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly string _path = Path.Combine(folder, "records.db");
    private SqliteConnection? _connection;

    /// <inheritdoc/>
    public bool IsDurable => true;

    /// <inheritdoc/>
    public ValueTask<bool> TryAddAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => ChangeAsync(
        """
        INSERT INTO records (kind, key, value, expires) VALUES ($kind, $key, $value, $expires)
        ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires = excluded.expires WHERE records.expires <= $now
        """,
        kind, key, command => command.ExecuteNonQuery() > 0, ct, value, expiresAt);

    /// <inheritdoc/>
    public async ValueTask PutAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => await ChangeAsync(
        "INSERT INTO records (kind, key, value, expires) VALUES ($kind, $key, $value, $expires) ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires = excluded.expires",
        kind, key, command => command.ExecuteNonQuery() > 0, ct, value, expiresAt);

    /// <inheritdoc/>
    public ValueTask<bool> TryReplaceAsync(string kind, string key, string expected, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => ChangeAsync(
        "UPDATE records SET value = $value, expires = $expires WHERE kind = $kind AND key = $key AND value = $expected AND (expires IS NULL OR expires > $now)",
        kind,
        key,
        command =>
        {
            command.Parameters.AddWithValue("$expected", expected);
            return command.ExecuteNonQuery() > 0;
        },
        ct,
        value,
        expiresAt);

    /// <inheritdoc/>
    public ValueTask<string?> ReadAsync(string kind, string key, CancellationToken ct = default) => ReadAsync(
        "SELECT value FROM records WHERE kind = $kind AND key = $key AND (expires IS NULL OR expires > $now)", kind, key, command => (string?)command.ExecuteScalar(), null, ct);

    /// <inheritdoc/>
    public ValueTask<string?> TakeAsync(string kind, string key, CancellationToken ct = default) => ReadAsync(
        "DELETE FROM records WHERE kind = $kind AND key = $key RETURNING CASE WHEN expires IS NULL OR expires > $now THEN value END", kind, key, TakeOne, null, ct);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(string kind, CancellationToken ct = default) => ReadAsync<IReadOnlyList<KeyValuePair<string, string>>>(
        "SELECT key, value FROM records WHERE kind = $kind AND (expires IS NULL OR expires > $now) ORDER BY key", kind, "", ReadAll, [], ct);

    public void Dispose()
    {
        _connection?.Dispose();
        _turn.Dispose();
    }

    private static string? TakeOne(SqliteCommand command)
    {
        using var reader = command.ExecuteReader();
        var value = reader.Read() && !reader.IsDBNull(0) ? reader.GetString(0) : null;

        // To the end: SQLite finishes a DELETE that returns rows with the last of them.
        while (reader.Read())
        {
        }

        return value;
    }

    private static List<KeyValuePair<string, string>> ReadAll(SqliteCommand command)
    {
        var all = new List<KeyValuePair<string, string>>();
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            all.Add(new(reader.GetString(0), reader.GetString(1)));
        }

        return all;
    }

    private ValueTask<T> ReadAsync<T>(string sql, string kind, string key, Func<SqliteCommand, T> run, T none, CancellationToken ct) => RunAsync(
        () => _connection is null && !File.Exists(_path) ? none : Run(sql, kind, key, run, null, null), ct);

    private ValueTask<T> ChangeAsync<T>(string sql, string kind, string key, Func<SqliteCommand, T> run, CancellationToken ct, string value, DateTimeOffset? expiresAt) =>
        RunAsync(() => Run(sql, kind, key, run, value, expiresAt), ct);

    private async ValueTask<T> RunAsync<T>(Func<T> run, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            return await Task.Run(run, CancellationToken.None);
        }
        finally
        {
            _turn.Release();
        }
    }

    private T Run<T>(string sql, string kind, string key, Func<SqliteCommand, T> run, string? value, DateTimeOffset? expiresAt)
    {
        using var command = (_connection ??= Open()).CreateCommand();
        command.CommandText = sql;
        command.Parameters.AddWithValue("$kind", kind);
        command.Parameters.AddWithValue("$key", key);
        command.Parameters.AddWithValue("$value", (object?)value ?? DBNull.Value);
        command.Parameters.AddWithValue("$expires", (object?)expiresAt?.ToUnixTimeMilliseconds() ?? DBNull.Value);
        command.Parameters.AddWithValue("$now", time.GetUtcNow().ToUnixTimeMilliseconds());
        return run(command);
    }

    private SqliteConnection Open()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, OwnersFolder);
            new FileStream(_path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, UnixCreateMode = OwnersFile, Share = FileShare.ReadWrite }).Dispose();
        }

        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = _path, Pooling = false }.ConnectionString);
        try
        {
            connection.Open();
            using var command = connection.CreateCommand();

            // What has expired goes with each start: it is read by nobody before.
            command.CommandText =
                """
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = FULL;
                PRAGMA busy_timeout = 10000;
                CREATE TABLE IF NOT EXISTS records (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, expires INTEGER, PRIMARY KEY (kind, key)) WITHOUT ROWID;
                DELETE FROM records WHERE expires <= $now;
                """;
            command.Parameters.AddWithValue("$now", time.GetUtcNow().ToUnixTimeMilliseconds());
            command.ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
