using Duplexity.Server.Engine;
using Duplexity.Testing;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Duplexity.Server.Tests.Engine;

/// <summary>The engine with its messages on disk, which loses what came after a copy of its files by going on with the copy.</summary>
internal sealed class SqliteEngineUnderTest : EngineUnderTest
{
    private readonly TimeProvider _time;
    private readonly DuplexityOptions _options;
    private readonly IRetention _retention;
    private readonly IEngineHandler _handler;
    private readonly ILogger _logger;
    private readonly Action<SqliteConnection>? _opened;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("duplexity-test-");
    private readonly MemoryRecords _records;
    private EmbeddedEngine _engine;

    public SqliteEngineUnderTest(
        TimeProvider time, DuplexityOptions options, IEngineHandler handler, IRetention? retention = null, ReceiptLevel level = ReceiptLevel.Written, ILogger? logger = null, Action<SqliteConnection>? opened = null)
    {
        _opened = opened;
        (_time, _options, _handler, Level, _logger) = (time, options, handler, level, logger ?? NullLogger.Instance);
        _records = new MemoryRecords(time);
        _retention = retention ?? new DefaultRetention(options);
        _engine = Open();
    }

    public override IReadOnlyList<IEngine> Nodes => [_engine];

    public override ReceiptLevel Level { get; }

    public string Data => Path.Combine(_folder.FullName, "data");

    public SqliteMessageLog Log => (SqliteMessageLog)_engine.Log;

    private string Copy => Path.Combine(_folder.FullName, "copy");

    public override Task MarkAsync()
    {
        _engine.Dispose();
        CopyFiles(Data, Copy);
        _engine = Open();
        return Task.CompletedTask;
    }

    public override Task LoseSinceMarkAsync()
    {
        _engine.Dispose();
        CopyFiles(Copy, Data);
        _engine = Open();
        return Task.CompletedTask;
    }

    /// <summary>Ends and begins again with all that is there.</summary>
    public void Restart()
    {
        _engine.Dispose();
        _engine = Open();
    }

    public override Task RestartAsync()
    {
        Restart();
        return Task.CompletedTask;
    }

    public override ValueTask DisposeAsync()
    {
        _engine.Dispose();
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Another look at the file, beside the engine.</summary>
    public long Scalar(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(Data, "messages.db")};Pooling=False");
        connection.Open();
        return (long)new SqliteStatement(connection, sql).Scalar()!;
    }

    /// <summary>Keeps the engine from committing until the result is disposed, like a disk that hangs.</summary>
    public IDisposable Hang()
    {
        var connection = new SqliteConnection($"Data Source={Path.Combine(Data, "messages.db")};Pooling=False");
        connection.Open();
        new SqliteStatement(connection, "BEGIN IMMEDIATE").Run();
        return connection;
    }

    public static void CopyFiles(string from, string to)
    {
        if (Directory.Exists(to))
        {
            Directory.Delete(to, recursive: true);
        }

        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from).Where(f => !f.EndsWith(".lock", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }

    private EmbeddedEngine Open()
    {
        var engine = new EmbeddedEngine(_time, _options, new SqliteMessageLog(Data, Level, _time, _options, _retention, _logger, _opened), _records);
        engine.Attach(_handler);
        return engine;
    }
}
