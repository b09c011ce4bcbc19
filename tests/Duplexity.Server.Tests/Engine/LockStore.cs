using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tests.Engine;

/// <summary>What of an engine outlives its process, through a history of kills.</summary>
internal abstract class LockStore : IDisposable
{
    public abstract FailingRecords Records { get; }

    /// <summary>Whether the log is among what outlives it.</summary>
    public abstract bool KeepsMessages { get; }

    public abstract EmbeddedEngine Open();

    /// <summary>The process is gone, with what it had not written.</summary>
    public abstract void Kill(EmbeddedEngine engine);

    public abstract void Dispose();

    /// <summary>
    /// A store that cannot be written while a test says so, or whose process dies with a write. It answers at once, also where a disk is behind it: what a history sees is the work of the step it has come to.
    /// </summary>
    internal sealed class FailingRecords(IRecords inner) : IRecords
    {
        public bool Fails { get; set; }

        /// <summary>The next write and all behind it find no process any more.</summary>
        public bool DiesWithNextWrite { get; set; }

        /// <summary>Whether the first of them is on the disk.</summary>
        public bool MakesLastWrite { get; set; }

        public bool IsDurable => inner.IsDurable;

        public ValueTask<bool> TryAddAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => AtOnce(inner.TryAddAsync(kind, key, value, expiresAt, ct));

        public ValueTask PutAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default)
        {
            if (MayWrite(out var dies))
            {
                inner.PutAsync(kind, key, value, expiresAt, ct).AsTask().GetAwaiter().GetResult();
            }

            ThrowIf(dies);
            return default;
        }

        public ValueTask<bool> TryReplaceAsync(string kind, string key, string expected, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) =>
            AtOnce(inner.TryReplaceAsync(kind, key, expected, value, expiresAt, ct));

        public ValueTask<string?> ReadAsync(string kind, string key, CancellationToken ct = default) => AtOnce(inner.ReadAsync(kind, key, ct));

        public ValueTask<string?> TakeAsync(string kind, string key, CancellationToken ct = default)
        {
            var taken = MayWrite(out var dies) ? AtOnce(inner.TakeAsync(kind, key, ct)) : default;
            ThrowIf(dies);
            return taken;
        }

        public ValueTask<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(string kind, CancellationToken ct = default) => AtOnce(inner.ListAsync(kind, ct));

        private static ValueTask<T> AtOnce<T>(ValueTask<T> task) => new(task.AsTask().GetAwaiter().GetResult());

        private bool MayWrite(out bool dies)
        {
            dies = DiesWithNextWrite;
            var may = !Fails && (!dies || MakesLastWrite);
            MakesLastWrite &= !dies;
            ThrowIf(Fails);
            return may;
        }

        private static void ThrowIf(bool isGone)
        {
            if (isGone)
            {
                throw new IOException("The disk is full, or nobody is there to write.");
            }
        }
    }
}

/// <summary>Records in memory that the engine's process does not take along; its log dies with it.</summary>
internal sealed class MemoryLockStore(TimeProvider time) : LockStore
{
    public override FailingRecords Records { get; } = new(new MemoryRecords(time));

    public override bool KeepsMessages => false;

    public override EmbeddedEngine Open() => new(time, Options.Create(new DuplexityOptions()), NullLogger<EmbeddedEngine>.Instance, Records);

    public override void Kill(EmbeddedEngine engine) => engine.Dispose();

    public override void Dispose()
    {
    }
}

/// <summary>A data folder. A kill leaves its files as they are at that moment: the next process opens a copy of them, without what closing would have done.</summary>
internal sealed class SqliteLockStore : LockStore
{
    private readonly TimeProvider _time;
    private readonly DuplexityOptions _options = new() { Times = { Disk = TimeSpan.FromDays(40) } };
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("duplexity-test-");
    private SqliteRecords _file;
    private FailingRecords _records;
    private int _life;

    public SqliteLockStore(TimeProvider time)
    {
        _time = time;
        _file = new SqliteRecords(Data, time);
        _records = new FailingRecords(_file);
    }

    public override FailingRecords Records => _records;

    public override bool KeepsMessages => true;

    private string Data => Path.Combine(_folder.FullName, $"{_life}");

    public override EmbeddedEngine Open() =>
        new(_time, _options, new SqliteMessageLog(Data, ReceiptLevel.Written, _time, _options, new DefaultRetention(_options), NullLogger.Instance), Records);

    public override void Kill(EmbeddedEngine engine)
    {
        var (before, dead) = (Data, _file);
        _life++;
        SqliteEngineUnderTest.CopyFiles(before, Data);
        engine.Dispose();
        dead.Dispose();
        var fails = Records.Fails;
        _file = new SqliteRecords(Data, _time);
        _records = new FailingRecords(_file) { Fails = fails };
    }

    public override void Dispose()
    {
        _file.Dispose();
        _folder.Delete(recursive: true);
    }
}
