using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary><c>records.db</c> in the data folder, and how it is opened. Thread-safe.</summary>
internal sealed class SqliteRecordFile(string folder, TimeProvider time)
{
    private const UnixFileMode OwnersFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // The one who makes the file must have it for itself.
    private readonly Lock _lock = new();
    private readonly string _path = Path.Combine(folder, "records.db");

    /// <summary>Whether there is anything to read.</summary>
    public bool Exists => File.Exists(_path);

    /// <summary>Opens it, and makes it where it is not there.</summary>
    public SqliteRecordStore Open(Action<SqliteConnection>? opened = null)
    {
        lock (_lock)
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
                opened?.Invoke(connection);
                return new SqliteRecordStore(connection, time);
            }
            catch
            {
                connection.Dispose();
                throw;
            }
        }
    }
}
