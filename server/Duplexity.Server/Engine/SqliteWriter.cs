using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Engine;

/// <summary>
/// The one who writes <c>messages.db</c>: a thread that takes everything that waits into one transaction, so that a thousand senders wait for one fsync and not for a thousand. What waits is bounded;
/// a disk that fails or hangs is told to whoever waits, and is tried again by the next. Thread-safe.
/// </summary>
internal sealed class SqliteWriter : IDisposable
{
    /// <summary>Works of one batch, and their bytes: some tens of milliseconds, which the next batch waits.</summary>
    private const int MostOfBatch = 2_000;
    private const int MostBytesOfBatch = 8 * 1024 * 1024;

    /// <summary>How long closing waits for what still waits.</summary>
    private static readonly TimeSpan Closing = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly LogLine _waiting;
    private readonly AutoResetEvent _wake = new(false);
    private readonly Func<SqliteStore> _open;
    private readonly LogViews _views;
    private readonly EphemeralPlaces _places;
    private readonly Action<LogEntry> _deliver;
    private readonly DuplexityOptions _options;
    private readonly ILogger _logger;
    private readonly ITimer _watch;
    private readonly Thread _thread;
    private SqliteStore? _store;
    private List<LogWork> _batch = [];
    private bool _isIdle;
    private bool _isClosing;
    private bool _isFailing;

    public SqliteWriter(Func<SqliteStore> open, LogViews views, EphemeralPlaces places, Action<LogEntry> deliver, DuplexityOptions options, TimeProvider time, ILogger logger)
    {
        (_open, _views, _places, _deliver, _options, _logger) = (open, views, places, deliver, options, logger);
        _waiting = new LogLine(options.Limits);
        _store = open();
        _watch = time.CreateTimer(_ => GiveUp(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _thread = new Thread(Write) { IsBackground = true, Name = "duplexity-log" };
        _thread.Start();
    }

    /// <summary>How much work waits.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>Puts work into line.</summary>
    /// <exception cref="DuplexityException">Too much waits already, or too much of this client, or the node is closing; nothing was stored.</exception>
    public void Add(LogWork work)
    {
        lock (_lock)
        {
            if (_isClosing)
            {
                throw new DuplexityException(DuplexityError.Of(Errors.Unavailable, "The node is closing; nothing was stored."));
            }

            _waiting.Add(work);
            if (!_isIdle)
            {
                return;
            }

            _isIdle = false;
        }

        _wake.Set();
    }

    /// <summary>Ends when everything that waits is on disk.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isClosing)
            {
                return;
            }

            _isClosing = true;
        }

        _wake.Set();
        if (_thread.Join(Closing))
        {
            _store?.Dispose();
            _wake.Dispose();
        }

        _watch.Dispose();
        GiveUp();
    }

    private void Write()
    {
        while (Take())
        {
            _watch.Change(_options.Times.Disk, Timeout.InfiniteTimeSpan);
            Commit(_batch);
            _watch.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Waits for work; false when there will be none.</summary>
    private bool Take()
    {
        while (true)
        {
            lock (_lock)
            {
                if (_waiting.TryPeek(out _))
                {
                    _batch = TakeUnsynchronized();
                    return true;
                }

                if (_isClosing)
                {
                    return false;
                }

                _batch = [];
                _isIdle = true;
            }

            _wake.WaitOne();
        }
    }

    private List<LogWork> TakeUnsynchronized()
    {
        List<LogWork> batch = [];
        var bytes = 0;
        while (batch.Count < MostOfBatch && bytes < MostBytesOfBatch && _waiting.TryPeek(out var work) && (batch.Count == 0 || !work.IsAlone))
        {
            batch.Add(_waiting.Take());
            bytes += work.Bytes;
            if (work.IsAlone)
            {
                break;
            }
        }

        return batch;
    }

    private void Commit(List<LogWork> batch)
    {
        try
        {
            _store ??= _open();
            _store.Begin();
            foreach (var work in batch)
            {
                work.Run(_store, _places);
            }

            _store.Commit();
        }
        catch (Exception e)
        {
            GiveUp(batch, e);
            return;
        }

        foreach (var work in batch)
        {
            work.Publish(_views, _deliver);
        }

        _places.Clear();
        if (_isFailing)
        {
            _isFailing = false;
            Log.LogWritesAgain(_logger);
        }
    }

    /// <summary>The disk did not take it. Nothing of it is there, or, where the commit itself failed, all of it may be: its senders ask again with their keys.</summary>
    private void GiveUp(List<LogWork> batch, Exception exception)
    {
        if (!_isFailing)
        {
            _isFailing = true;
            Log.LogFailed(_logger, exception);
        }

        try
        {
            _store?.Dispose();
        }
        catch (Exception e)
        {
            Log.LogNotClosed(_logger, e);
        }

        _store = null;
        _places.Clear();
        foreach (var work in batch)
        {
            work.Fail(exception);
        }
    }

    /// <summary>The disk does not answer: whoever waits goes, and asks again. What waits is stored when it does.</summary>
    private void GiveUp()
    {
        LogWork[] waiting;
        lock (_lock)
        {
            waiting = [.. _batch, .. _waiting.All];
        }

        var late = new TimeoutException($"The disk did not answer within {_options.Times.Disk.TotalSeconds:0} s.");
        Array.ForEach(waiting, work => work.Fail(late));
    }
}
