using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Engine;

/// <summary>
/// The message log in this process's memory. One lock around everything makes an append atomic over all its destinations and puts it into line before the call returns.
/// <para>The level reached is <see cref="ReceiptLevel.Accepted"/> and never more: the log dies with the process, and <c>written</c> would promise that it does not (G3).</para>
/// </summary>
internal sealed class MemoryMessageLog : IMessageLog
{
    private readonly Lock _lock = new();
    private readonly MonotonicClock _clock;
    private readonly DuplexityOptions _options;
    private readonly ILogger _logger;
    private readonly string _incarnation;
    private readonly MemoryReceipts _receipts;
    private readonly Dictionary<Address, MemoryChannel> _channels = [];

    // Both in the order of last use, so that a sweep touches what it lets go of and nothing else.
    private readonly LinkedList<MemoryChannel> _filled = new();
    private readonly LinkedList<MemoryChannel> _emptied = new();
    private string _epoch;
    private long _forgotten;
    private IEngineHandler? _handler;

    public MemoryMessageLog(MonotonicClock clock, DuplexityOptions options, string incarnation, ILogger logger)
        : this(clock, options, incarnation, logger, new MemoryReceipts(options.Limits, options.Times.Idempotency))
    {
    }

    private MemoryMessageLog(MonotonicClock clock, DuplexityOptions options, string incarnation, ILogger logger, MemoryReceipts receipts)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Limits.MessagesPerChannel, 1);
        _clock = clock;
        _options = options;
        _logger = logger;
        _incarnation = incarnation;
        _epoch = incarnation;
        _receipts = receipts;
    }

    /// <inheritdoc/>
    public ReceiptLevel Level => ReceiptLevel.Accepted;

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

        Check(request);
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

            var positions = new Position[entries.Length];
            for (var i = 0; i < entries.Length; i++)
            {
                entries[i] = AppendUnsynchronized(request.Message.Destinations[i], request.Message, new ArraySegment<Position>(positions, 0, i), now);
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

            log.Trim(_clock.Now - _options.Times.Retention);
            return new(log.Read(since, limit, reverse));
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

    /// <summary>
    /// Empties the channels without an append for the retention, and forgets those without one for twice as long; channels in use are trimmed by use.
    /// </summary>
    public void Sweep()
    {
        lock (_lock)
        {
            var oldest = _clock.Now - _options.Times.Retention;
            while (_filled.First is { } node && node.Value.LastAppend < oldest)
            {
                node.Value.Trim(oldest);
                _filled.Remove(node);
                _emptied.AddLast(node);
            }

            while (_emptied.First is { } node && node.Value.LastAppend < oldest - _options.Times.Retention)
            {
                ForgetUnsynchronized(node.Value);
            }

            _receipts.Sweep(_clock.Now);
        }
    }

    /// <summary>For tests: this log as it is now, under a new incarnation, like a store that came back with an old copy (G2).</summary>
    internal MemoryMessageLog CopyAs(string incarnation)
    {
        lock (_lock)
        {
            var copy = new MemoryMessageLog(_clock, _options, incarnation, _logger, _receipts.Copy());
            foreach (var (from, to) in new[] { (_filled, copy._filled), (_emptied, copy._emptied) })
            {
                foreach (var channel in from.Select(c => c.CopyAs(incarnation)))
                {
                    copy._channels.Add(channel.Address, channel);
                    to.AddLast(channel.Node);
                }
            }

            return copy;
        }
    }

    private static void Check(AppendRequest request)
    {
        var destinations = request.Message.Destinations;
        if (destinations.Count == 0 || destinations.Any(d => d.Kind == AddressKind.None) || (destinations.Count > 1 && destinations.Distinct().Count() < destinations.Count))
        {
            throw new ArgumentException("A message needs destinations, each an address and each at most once.", nameof(request));
        }

        if (request.Key is { } key && (key.Key is null == key.Session is null || (key.Session is not null && key.Sequence < 1)))
        {
            throw new ArgumentException("An idempotency key is a key, or a session with a sequence from 1.", nameof(request));
        }
    }

    private LogEntry AppendUnsynchronized(Address destination, StoredMessage message, IReadOnlyList<Position> earlier, TimeSpan now)
    {
        if (_channels.TryGetValue(destination, out var channel))
        {
            channel.Node.List!.Remove(channel.Node);
            channel.Trim(now - _options.Times.Retention);
        }
        else
        {
            channel = new MemoryChannel(destination, _epoch, _options.Limits.MessagesPerChannel);
            _channels.Add(destination, channel);
        }

        _filled.AddLast(channel.Node);
        return channel.Append(message, earlier, now);
    }

    private void ForgetUnsynchronized(MemoryChannel channel)
    {
        _channels.Remove(channel.Address);
        channel.Node.List!.Remove(channel.Node);

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
