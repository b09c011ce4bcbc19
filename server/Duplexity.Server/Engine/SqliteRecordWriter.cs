namespace Duplexity.Server.Engine;

/// <summary>
/// The one who changes <c>records.db</c>: whatever waits goes into one transaction, so that a hundred changes wait for one fsync. Opened with the first change, and anew after a disk that failed. Thread-safe.
/// </summary>
internal sealed class SqliteRecordWriter(Func<SqliteRecordStore> open, LimitOptions limits) : IDisposable
{
    /// <summary>How long closing waits for what still waits.</summary>
    private static readonly TimeSpan Closing = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly RecordLines _lines = new(limits);
    private SqliteRecordStore? _store;
    private Task _writing = Task.CompletedTask;
    private bool _isWriting;
    private bool _isClosing;

    /// <summary>Puts a change into line.</summary>
    /// <exception cref="DuplexityException">Too much of its kind waits already, or the node is closing; nothing was kept.</exception>
    public void Add(RecordWork work)
    {
        lock (_lock)
        {
            if (_isClosing)
            {
                throw new DuplexityException(DuplexityError.Of(Errors.Unavailable, "The node is closing; nothing was kept."));
            }

            _lines.Add(work);
            if (!_isWriting)
            {
                // Off the caller's thread: a commit waits for the disk.
                _isWriting = true;
                _writing = Task.Run(Write);
            }
        }
    }

    /// <summary>Ends when everything that waits is on disk.</summary>
    public void Dispose()
    {
        Task writing;
        lock (_lock)
        {
            _isClosing = true;
            writing = _writing;
        }

        if (writing.Wait(Closing))
        {
            _store?.Dispose();
        }
    }

    private void Write()
    {
        while (Take() is { Count: > 0 } batch)
        {
            Commit(batch);
        }
    }

    private List<RecordWork> Take()
    {
        lock (_lock)
        {
            var batch = _lines.Take();
            _isWriting = batch.Count > 0;
            return batch;
        }
    }

    private void Commit(List<RecordWork> batch)
    {
        try
        {
            _store ??= open();
            _store.Begin();
            batch.ForEach(work => work.Run(_store));
            _store.Commit();
        }
        catch (Exception e)
        {
            // With the connection goes what it had begun. Where the commit itself failed nobody knows what is there: whoever asked asks again.
            // Told first: a connection that cannot even be closed keeps nobody waiting.
            batch.ForEach(work => work.Fail(e));
            Close();
            return;
        }

        batch.ForEach(work => work.Answer());
    }

    private void Close()
    {
        try
        {
            _store?.Dispose();
        }
        catch (Exception)
        {
            // It is given up either way, and whoever waited has been told what was wrong.
        }

        _store = null;
    }
}
