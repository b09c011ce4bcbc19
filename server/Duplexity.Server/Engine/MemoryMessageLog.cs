using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Engine;

/// <summary>
/// The message log in this process's memory. One lock around everything makes an append atomic over all its destinations and puts it into line before the call returns.
/// <para>The level reached is <see cref="ReceiptLevel.Accepted"/> and never more: the log dies with the process, and <c>written</c> would promise that it does not (G3).</para>
/// </summary>
internal sealed class MemoryMessageLog : ILocalLog
{
    private readonly Lock _lock = new();
    private readonly MonotonicClock _clock;
    private readonly DuplexityOptions _options;
    private readonly IRetention _retention;
    private readonly ILogger _logger;
    private readonly string _incarnation;
    private readonly MemoryReceipts _receipts;
    private readonly Dictionary<Address, MemoryChannel> _channels = [];
    private string _epoch;
    private long _forgotten;
    private IEngineHandler? _handler;

    public MemoryMessageLog(MonotonicClock clock, DuplexityOptions options, IRetention retention, string incarnation, ILogger logger)
        : this(clock, options, retention, incarnation, logger, new MemoryReceipts(options.Limits, options.Times.Idempotency))
    {
    }

    private MemoryMessageLog(MonotonicClock clock, DuplexityOptions options, IRetention retention, string incarnation, ILogger logger, MemoryReceipts receipts)
    {
        _clock = clock;
        _options = options;
        _retention = retention;
        _logger = logger;
        _incarnation = incarnation;
        _epoch = incarnation;
        _receipts = receipts;
    }

    /// <inheritdoc/>
    public ReceiptLevel Level => ReceiptLevel.Accepted;

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
        var handler = _handler ?? throw new InvalidOperationException("Nothing can be appended before a handler is attached: its deliveries would be lost.");
        var entries = new LogEntry[request.Message.Destinations.Count];
        AppendResult result;
        lock (_lock)
        {
            var now = _clock.Now;
            if (request.Key is not null && _receipts.Find(request.Key, request.Message.Id, now) is { } earlier)
            {
                return new(earlier);
            }

            if (RefusalUnsynchronized(request) is { } refusal)
            {
                return new(AppendResult.Refused(refusal, request.Message.Id));
            }

            var positions = new Position[entries.Length];
            for (var i = 0; i < entries.Length; i++)
            {
                entries[i] = AppendUnsynchronized(request, i, new ArraySegment<Position>(positions, 0, i), now);
                positions[i] = entries[i].Position;
            }

            result = new AppendResult(AppendOutcome.Stored, request.Message.Id, request.Message.Destinations, positions, Level);
            if (request.Key is not null)
            {
                _receipts.Keep(request.Key, result, now);
            }
        }

        Deliver(handler, entries);
        return new(result);
    }

    /// <inheritdoc/>
    public ValueTask<AppendResult?> FindAsync(IdempotencyKey key, CancellationToken ct = default)
    {
        lock (_lock)
        {
            return new(_receipts.Find(key, "", _clock.Now) is { Outcome: AppendOutcome.Repeated } earlier ? earlier : null);
        }
    }

    /// <inheritdoc/>
    public ValueTask<LogPage> ReadAsync(Address channel, Position? since, int limit, bool reverse = false, CancellationToken ct = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        if (ct.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<LogPage>(ct);
        }

        lock (_lock)
        {
            if (!_channels.TryGetValue(channel, out var log))
            {
                return new(new LogPage(since is null || since == Position.Start, [], Position.Start, End: true));
            }

            return new(log.Read(since, limit, reverse, _clock.Now));
        }
    }

    /// <inheritdoc/>
    public ValueTask<Position> TopAsync(Address channel, CancellationToken ct = default)
    {
        lock (_lock)
        {
            return new(_channels.TryGetValue(channel, out var log) ? log.Top : Position.Start);
        }
    }

    /// <inheritdoc/>
    public ValueTask<Position?> ReadSourceAsync(Address channel, string edge, CancellationToken ct = default)
    {
        lock (_lock)
        {
            return new(_channels.TryGetValue(channel, out var log) ? log.LastTaken(edge) : null);
        }
    }

    /// <inheritdoc/>
    public ValueTask RemoveAsync(Address channel, CancellationToken ct = default)
    {
        lock (_lock)
        {
            if (_channels.TryGetValue(channel, out var log))
            {
                ForgetUnsynchronized(log);
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Lets go of what is older than it may be, and forgets channels that have been empty for long; see <see cref="MemoryChannel.Sweep"/>.</summary>
    public void Sweep()
    {
        lock (_lock)
        {
            var now = _clock.Now;
            foreach (var channel in _channels.Values)
            {
                if (!channel.Sweep(now, _options.Times.ChannelMarks))
                {
                    ForgetUnsynchronized(channel);
                }
            }

            _receipts.Sweep(now);
        }
    }

    /// <summary>Nothing to give back.</summary>
    public void Dispose()
    {
    }

    /// <summary>For tests: this log as it is now, under a new incarnation, like a store that came back with an old copy (G2).</summary>
    internal MemoryMessageLog CopyAs(string incarnation)
    {
        lock (_lock)
        {
            var copy = new MemoryMessageLog(_clock, _options, _retention, incarnation, _logger, _receipts.Copy());
            foreach (var channel in _channels.Values.Select(c => c.CopyAs(incarnation)))
            {
                copy._channels.Add(channel.Address, channel);
            }

            return copy;
        }
    }

    private AppendOutcome? RefusalUnsynchronized(AppendRequest request)
    {
        if (request.Fence is null && request.Source is null)
        {
            return null;
        }

        foreach (var destination in request.Message.Destinations)
        {
            if (_channels.TryGetValue(destination, out var channel) && channel.Refusal(request.Fence, request.Source) is { } refusal)
            {
                return refusal;
            }
        }

        return null;
    }

    private LogEntry AppendUnsynchronized(AppendRequest request, int nth, IReadOnlyList<Position> earlier, TimeSpan now)
    {
        var destination = request.Message.Destinations[nth];
        if (!_channels.TryGetValue(destination, out var channel))
        {
            channel = new MemoryChannel(destination, _epoch, _retention.Of(destination), _options.Limits);
            _channels.Add(destination, channel);
        }

        channel.Raise(request.Fence, request.Source);
        return channel.Append(request.Message, earlier, now);
    }

    private void ForgetUnsynchronized(MemoryChannel channel)
    {
        _channels.Remove(channel.Address);

        // Should the name ever be used again, its offsets start at 1 again: under another epoch, so that no place names two messages (G2). Channels that
        // are there keep theirs: an epoch that changes within a channel costs its sockets the shared encoding of one message.
        _epoch = $"{_incarnation}-{++_forgotten}";
    }

    private void Deliver(IEngineHandler handler, LogEntry[] entries)
    {
        foreach (var entry in entries)
        {
            try
            {
                handler.OnAppended(entry);
            }
            catch (Exception exception)
            {
                // The entry is in the log, and its sender is to be told so, whatever a receiver makes of it.
                Log.HandlerFailed(_logger, exception, entry.Channel.Kind, entry.Position);
            }
        }
    }
}
