using System.Diagnostics;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Duplexity.Server.Engine;

/// <summary>
/// The file <c>messages.db</c> of a data folder, held by one process at a time. What is there and cannot be read is refused, never replaced: a new file is made
/// under another name and gets its own only when it is whole, so that an empty or half-made one is never taken for it.
/// </summary>
internal sealed class SqliteFile : IDisposable
{
    private const string Name = "messages.db";
    private const UnixFileMode OwnersFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>How long somebody else's lock on the file is waited for: a backup that copies takes it for moments.</summary>
    private const int BusySeconds = 5;

    /// <summary>How much of the file is checked at start. A damaged page beyond is found by whoever reads it; a node must be up in about a second.</summary>
    private static readonly TimeSpan CheckTime = TimeSpan.FromMilliseconds(250);

    private readonly string _folder;
    private readonly string _path;
    private readonly bool _isFsynced;
    private readonly FileStream _lock;

    public SqliteFile(string folder, ReceiptLevel level, IReadOnlyList<string>? steps = null)
    {
        steps ??= SqliteSchema.Steps;
        _folder = folder;
        _path = Path.Combine(folder, Name);
        _isFsynced = level == ReceiptLevel.Fsynced;
        _lock = Hold();
        try
        {
            CreateUnlessThere(steps);
            Refuse(() =>
            {
                using var connection = OpenWriter();
                SqliteSchema.Migrate(connection, steps);
                Check(connection);
            });
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of the file and of what was written ahead of it.</summary>
    public long Size => new[] { _path, _path + "-wal" }.Select(path => new FileInfo(path)).Where(file => file.Exists).Sum(file => file.Length);

    /// <summary>A connection that writes; one at a time.</summary>
    public SqliteConnection OpenWriter() => Open(SqliteOpenMode.ReadWrite, $"""
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = {(_isFsynced ? "FULL" : "NORMAL")};
        PRAGMA wal_autocheckpoint = 4000;
        PRAGMA journal_size_limit = 67108864;
        PRAGMA cache_size = -16384;
        PRAGMA temp_store = MEMORY;
        """);

    /// <summary>A connection that reads, beside the writer.</summary>
    public SqliteConnection OpenReader() => Open(SqliteOpenMode.ReadWrite, "PRAGMA query_only = ON; PRAGMA cache_size = -4096;");

    public void Dispose() => _lock.Dispose();

    private FileStream Hold()
    {
        var path = Path.Combine(_folder, "messages.lock");
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(_folder);
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }

            Directory.CreateDirectory(_folder, OwnersFolder);
            return new FileStream(path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, UnixCreateMode = OwnersFile });
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new DataFolderException($"Another running node uses the data folder {_folder}. A folder serves one node: stop the other one, or give this one a folder of its own (Duplexity:Data).", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataFolderException(
                $"The data folder {_folder} cannot be written: {e.Message} Give this user the right to, name another folder (Duplexity:Data), or keep nothing (Duplexity:Data empty).", e);
        }
    }

    private void CreateUnlessThere(IReadOnlyList<string> steps)
    {
        if (File.Exists(_path))
        {
            if (new FileInfo(_path).Length == 0)
            {
                throw Unreadable("it is empty", null);
            }

            return;
        }

        if (File.Exists(_path + "-wal"))
        {
            throw Unreadable($"{Name} is missing and {Name}-wal is there, which belongs to it", null);
        }

        var unfinished = _path + ".new";
        foreach (var part in new[] { unfinished, unfinished + "-wal", unfinished + "-shm", unfinished + "-journal" })
        {
            File.Delete(part);
        }

        if (!OperatingSystem.IsWindows())
        {
            new FileStream(unfinished, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnersFile }).Dispose();
        }

        using (var connection = Open(unfinished, SqliteOpenMode.ReadWriteCreate, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL;"))
        {
            SqliteSchema.Create(connection, steps);
        }

        File.Move(unfinished, _path);
    }

    private void Refuse(Action open)
    {
        try
        {
            open();
        }
        catch (DataFolderException e)
        {
            throw new DataFolderException($"{_path} cannot be used. {e.Message}", e);
        }
        catch (SqliteException e) when (e.SqliteErrorCode is raw.SQLITE_BUSY or raw.SQLITE_LOCKED)
        {
            throw new DataFolderException($"{_path} is locked by another program. End that program (a database browser, a backup), then start again.", e);
        }
        catch (SqliteException e)
        {
            throw Unreadable(e.Message, e);
        }
    }

    private DataFolderException Unreadable(string why, Exception? inner) => new(
        $"{_path} cannot be read: {why}. Nothing was changed. Put a backup in its place ({Name}, and {Name}-wal where there is one), or move all files named {Name}* away to begin with an empty log.", inner);

    private static void Check(SqliteConnection connection)
    {
        var began = Stopwatch.GetTimestamp();
        raw.sqlite3_progress_handler(connection.Handle, 10_000, _ => Stopwatch.GetElapsedTime(began) > CheckTime ? 1 : 0, null);
        try
        {
            if (new SqliteStatement(connection, "PRAGMA quick_check(1)").Scalar() is string and not "ok" and var problem)
            {
                throw new SqliteException(problem, raw.SQLITE_CORRUPT);
            }
        }
        catch (SqliteException e) when (e.SqliteErrorCode == raw.SQLITE_INTERRUPT)
        {
            // The time is up, and what was seen was sound.
        }
        finally
        {
            raw.sqlite3_progress_handler(connection.Handle, 0, null, null);
        }
    }

    private SqliteConnection Open(SqliteOpenMode mode, string settings) => Open(_path, mode, settings);

    private static SqliteConnection Open(string path, SqliteOpenMode mode, string settings)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, Pooling = false, DefaultTimeout = BusySeconds }.ConnectionString);
        try
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = settings;
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
