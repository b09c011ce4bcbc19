using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary>
/// Records in a file of the data folder, <c>records.db</c>: SQLite, every change on the disk before it is answered. What changes at once is committed together; readers have a connection of their own and wait for no
/// commit. The folder and the file are made with the first record, for their owner alone; until then nothing of it exists.
/// </summary>
internal sealed class SqliteRecords : IRecords, IDisposable
{
    private readonly SqliteRecordFile _file;
    private readonly SqliteRecordWriter _writer;

    // One reader at a time: records are few, and a look at one takes microseconds.
    private readonly SemaphoreSlim _turn = new(1, 1);
    private SqliteRecordStore? _reader;
    private volatile bool _isChanged;

    /// <param name="folder">The data folder.</param>
    /// <param name="time">The clock.</param>
    /// <param name="limits">How much may wait for the disk; null: the defaults.</param>
    /// <param name="opened">For tests: given each connection that is going to write, such as to make it a small disk.</param>
    public SqliteRecords(string folder, TimeProvider time, LimitOptions? limits = null, Action<SqliteConnection>? opened = null)
    {
        _file = new SqliteRecordFile(folder, time);
        _writer = new SqliteRecordWriter(() => _file.Open(opened), limits ?? new());
    }

    /// <inheritdoc/>
    public bool IsDurable => true;

    /// <inheritdoc/>
    public ValueTask<bool> TryAddAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) =>
        ChangeAsync(kind, Size(key, value), store => store.TryAdd(kind, key, value, expiresAt), ct);

    /// <inheritdoc/>
    public async ValueTask PutAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) =>
        await ChangeAsync(kind, Size(key, value), store => store.Put(kind, key, value, expiresAt), ct);

    /// <inheritdoc/>
    public ValueTask<bool> TryReplaceAsync(string kind, string key, string expected, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) =>
        ChangeAsync(kind, Size(key, expected) + Size("", value), store => store.TryReplace(kind, key, expected, value, expiresAt), ct);

    /// <inheritdoc/>
    public ValueTask<string?> ReadAsync(string kind, string key, CancellationToken ct = default) => ReadAsync(store => store.Read(kind, key), null, ct);

    /// <inheritdoc/>
    public ValueTask<string?> TakeAsync(string kind, string key, CancellationToken ct = default) =>
        _isChanged || _file.Exists ? ChangeAsync(kind, Size(key, ""), store => store.Take(kind, key), ct) : new((string?)null);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(string kind, CancellationToken ct = default) =>
        ReadAsync<IReadOnlyList<KeyValuePair<string, string>>>(store => store.List(kind), [], ct);

    public void Dispose()
    {
        _writer.Dispose();
        _reader?.Dispose();
        _turn.Dispose();
    }

    private static int Size(string key, string value) => (key.Length + value.Length) * sizeof(char);

    private ValueTask<T> ChangeAsync<T>(string kind, int size, Func<SqliteRecordStore, T> run, CancellationToken ct)
    {
        if (ct.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<T>(ct);
        }

        _isChanged = true;
        var work = new RecordWork<T>(kind, size, run);
        try
        {
            _writer.Add(work);
        }
        catch (DuplexityException e)
        {
            return ValueTask.FromException<T>(e);
        }

        return new(work.Done);
    }

    private async ValueTask<T> ReadAsync<T>(Func<SqliteRecordStore, T> read, T none, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            return await Task.Run(() => _reader is null && !_file.Exists ? none : read(_reader ??= _file.Open()), CancellationToken.None);
        }
        finally
        {
            _turn.Release();
        }
    }
}
