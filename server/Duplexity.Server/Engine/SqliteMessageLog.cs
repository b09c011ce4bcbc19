using Duplexity.Server.Diagnostics;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Engine;

/// <summary>
/// The message log on disk: <c>messages.db</c> in the data folder, SQLite with a write-ahead log. An append is in line when its call returns; one thread commits all that waits together, then shows it to
/// readers and the handler, then answers. Ephemeral channels take part in the same order and live in memory only.
/// <para>The level reached is <see cref="ReceiptLevel.Fsynced"/> (every commit waits for the disk), or <see cref="ReceiptLevel.Written"/> (the operating system has it: it survives the process, not the power).</para>
/// </summary>
internal sealed class SqliteMessageLog : ILocalLog
{
    private readonly SqliteFile _file;
    private readonly SqliteReaders _readers;
    private readonly SqliteWriter _writer;
    private readonly LogViews _views;
    private readonly IRetention _retention;
    private readonly ILogger _logger;
    private IEngineHandler? _handler;
    private int _isSweeping;

    /// <param name="folder">The data folder.</param>
    /// <param name="level">Fsynced or written.</param>
    /// <param name="time">The clock.</param>
    /// <param name="options">Limits and times.</param>
    /// <param name="retention">What each channel keeps.</param>
    /// <param name="logger">Told of a disk that fails.</param>
    /// <param name="opened">For tests: given each connection that is going to write, such as to make it a small disk.</param>
    /// <exception cref="DataFolderException">The folder, or the file in it, cannot be used as it is.</exception>
    public SqliteMessageLog(
        string folder, ReceiptLevel level, TimeProvider time, DuplexityOptions options, IRetention retention, ILogger logger, Action<SqliteConnection>? opened = null)
    {
        Level = level;
        _retention = retention;
        _logger = logger;
        var clock = new LogClock(time);
        _file = new SqliteFile(folder, level);
        try
        {
            _views = new LogViews(options, retention, clock);
            _readers = new SqliteReaders(_file, clock, options.Times.Disk);
            var places = new EphemeralPlaces(_views, EmbeddedEngine.NewIncarnation());
            _writer = new SqliteWriter(Open, _views, places, Deliver, options, time, logger);
        }
        catch
        {
            _file.Dispose();
            throw;
        }

        SqliteStore Open()
        {
            var connection = _file.OpenWriter();
            opened?.Invoke(connection);
            return new SqliteStore(connection, options, retention, EmbeddedEngine.NewIncarnation(), clock);
        }
    }

    /// <inheritdoc/>
    public ReceiptLevel Level { get; }

    /// <inheritdoc/>
    public long? Size => _file.Size;

    /// <inheritdoc/>
    public int Waiting => _writer.Waiting;

    /// <inheritdoc/>
    public void Attach(IEngineHandler handler)
    {
        if (Interlocked.CompareExchange(ref _handler, handler, null) is not null)
        {
            throw new InvalidOperationException("The engine has its handler already; one engine serves one node.");
        }
    }

    /// <inheritdoc/>
    public ValueTask<AppendResult> AppendAsync(AppendRequest request, CancellationToken ct = default)
    {
        if (ct.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<AppendResult>(ct);
        }

        request.Check();
        if (_handler is null)
        {
            throw new InvalidOperationException("Nothing can be appended before a handler is attached: its deliveries would be lost.");
        }

        return DoAsync(new AppendWork(request, _retention, _views, Level));
    }

    /// <inheritdoc/>
    public ValueTask<AppendResult?> FindAsync(IdempotencyKey key, CancellationToken ct = default)
    {
        key.Check();
        return DoAsync(new FindWork(key));
    }

    /// <inheritdoc/>
    public ValueTask<LogPage> ReadAsync(Address channel, Position? since, int limit, bool reverse = false, CancellationToken ct = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        if (ct.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<LogPage>(ct);
        }

        if (_views.TryRead(channel, since, limit, reverse, out var page))
        {
            return new(page);
        }

        var kept = _retention.Of(channel);
        return kept.Ephemeral
            ? new(new LogPage(since is null || since == Position.Start, [], Position.Start, End: true))
            : ReadFileAsync(channel, since, limit, reverse, kept.Age, ct);
    }

    /// <inheritdoc/>
    public ValueTask<Position> TopAsync(Address channel, CancellationToken ct = default) =>
        _views.Top(channel) is { } top ? new(top)
            : _retention.Of(channel).Ephemeral ? new(Position.Start)
            : _readers.ReadAsync(reader => reader.Top(channel), ct);

    /// <inheritdoc/>
    public ValueTask<Position?> ReadSourceAsync(Address channel, string edge, CancellationToken ct = default) =>
        _retention.Of(channel).Ephemeral ? new(_views.LastTaken(channel, edge)) : _readers.ReadAsync(reader => reader.LastTaken(channel, edge), ct);

    /// <inheritdoc/>
    public async ValueTask RemoveAsync(Address channel, CancellationToken ct = default) => await DoAsync(new RemoveWork(channel, _retention.Of(channel).Ephemeral, _views));

    /// <inheritdoc/>
    public void Sweep()
    {
        if (Interlocked.Exchange(ref _isSweeping, 1) == 0)
        {
            _ = SweepInBackgroundAsync();
        }
    }

    /// <summary>Lets go of everything that is too old, step by step, with room for appends in between.</summary>
    public async Task SweepAsync()
    {
        while (await DoAsync(new SweepWork(_views)))
        {
        }
    }

    public void Dispose()
    {
        _writer.Dispose();
        _readers.Dispose();
        _file.Dispose();
    }

    private async Task SweepInBackgroundAsync()
    {
        try
        {
            await SweepAsync();
        }
        catch (Exception e) when (e is not DuplexityException)
        {
            // The writer has said what is wrong with the disk; the next minute tries again.
            Log.LogNotSwept(_logger, e);
        }
        catch (DuplexityException)
        {
            // Too much waits, or the node is closing.
        }
        finally
        {
            Volatile.Write(ref _isSweeping, 0);
        }
    }

    private ValueTask<T> DoAsync<T>(LogWork<T> work)
    {
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

    private async ValueTask<LogPage> ReadFileAsync(Address channel, Position? since, int limit, bool reverse, TimeSpan age, CancellationToken ct)
    {
        var published = _views.Published;
        var read = await _readers.ReadAsync(reader => reader.Read(channel, since, limit, reverse, age), ct);
        if (!reverse)
        {
            _views.Offer(channel, read, published);
        }

        return read.Page;
    }

    private void Deliver(LogEntry entry)
    {
        try
        {
            _handler!.OnAppended(entry);
        }
        catch (Exception exception)
        {
            // The entry is in the log, and its sender is to be told so, whatever a receiver makes of it.
            Log.HandlerFailed(_logger, exception, entry.Channel.Kind, entry.Position);
        }
    }
}
