using System.Collections.Concurrent;

namespace Duplexity.Server.Engine;

/// <summary>A few readers that take turns, off the callers' threads: a read waits for the disk. Thread-safe.</summary>
internal sealed class SqliteReaders(SqliteFile file, LogClock clock, TimeSpan wait) : IDisposable
{
    /// <summary>More would wait for the same disk.</summary>
    private const int Most = 4;

    private readonly SemaphoreSlim _turns = new(Most, Most);
    private readonly ConcurrentBag<SqliteReader> _idle = [];
    private bool _isDisposed;

    /// <exception cref="TimeoutException">No reader was free in time.</exception>
    public async ValueTask<T> ReadAsync<T>(Func<SqliteReader, T> read, CancellationToken ct)
    {
        if (!await _turns.WaitAsync(wait, ct))
        {
            throw new TimeoutException($"The disk is not answering: a read of the log waited for {wait.TotalSeconds:0} s.");
        }

        try
        {
            return await Task.Run(() => Read(read), CancellationToken.None);
        }
        finally
        {
            _turns.Release();
        }
    }

    public void Dispose()
    {
        _isDisposed = true;
        while (_idle.TryTake(out var reader))
        {
            reader.Dispose();
        }
    }

    private T Read<T>(Func<SqliteReader, T> read)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (!_idle.TryTake(out var reader))
        {
            reader = new SqliteReader(file.OpenReader(), clock);
        }

        try
        {
            var result = read(reader);
            _idle.Add(reader);
            if (_isDisposed)
            {
                Dispose();
            }

            return result;
        }
        catch
        {
            // What state it is in nobody knows: the next one is a new one.
            reader.Dispose();
            throw;
        }
    }
}
