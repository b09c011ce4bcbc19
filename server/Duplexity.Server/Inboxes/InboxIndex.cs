using System.Collections.Concurrent;
using Duplexity.Server.Channels;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Inboxes;

/// <summary>
/// The inboxes that somebody on this node reads or sends to, and the writer of their readers' places: one at a time, what changed meanwhile waits for the next round. What nobody has used for
/// a while is forgotten here; it is read again when it is needed. Thread-safe.
/// </summary>
internal sealed class InboxIndex : IInboxes, IHostedService, IDisposable
{
    /// <summary>How long an inbox is remembered that nobody uses: reading it again costs a moment, keeping it some memory.</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(10);

    /// <summary>How many inboxes are written at once: each waits for the store, and a store takes what waits together.</summary>
    private const int WrittenAtOnce = 64;

    private readonly ConcurrentDictionary<Address, Inbox> _inboxes = new();
    private readonly ConcurrentDictionary<Inbox, byte> _changed = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly IEngine _engine;
    private readonly IClientStanding _standing;
    private readonly TimeProvider _time;
    private readonly DuplexityOptions _options;
    private readonly ILogger _logger;
    private readonly ITimer _write;
    private readonly ITimer _sweep;
    private int _isArmed;

    public InboxIndex(IEngine engine, ChannelIndex channels, IClientStanding standing, TimeProvider time, DuplexityOptions options, ILogger<InboxIndex> logger)
    {
        (_engine, _standing, _time, _options, _logger) = (engine, standing, time, options, logger);
        DeadLetters = new DeadLetters(engine, time, options);
        _write = time.CreateTimer(_ => _ = WriteAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        if (engine.Lease is { } lease)
        {
            // It may go by another name: where somebody reads here is written anew.
            lease.Resumed += () =>
            {
                foreach (var inbox in _inboxes.Values.Where(i => i.IsRead))
                {
                    Changed(inbox);
                }
            };
        }

        _sweep = time.CreateTimer(_ => Sweep(), null, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));
        channels.Appended += entry =>
        {
            if (entry.Channel.Kind == AddressKind.Client && _inboxes.TryGetValue(entry.Channel, out var inbox))
            {
                inbox.OnAppended(entry);
            }
        };
        channels.Hinted += channel =>
        {
            if (_inboxes.TryGetValue(channel, out var inbox))
            {
                inbox.Hinted();
            }
        };
    }

    /// <summary>A reader of an inbox has acknowledged the message at a place or, with the last argument, all up to it. Called under no lock of the inbox; must not block.</summary>
    public event Action<Address, Position, bool>? Acknowledged;

    /// <summary>The message at a place has become a dead letter.</summary>
    public event Action<Address, Position>? GivenUp;

    /// <summary>What was given up.</summary>
    public DeadLetters DeadLetters { get; }

    /// <summary>How many are remembered.</summary>
    public int Count => _inboxes.Count;

    /// <summary>An inbox that has been read from the log.</summary>
    public async ValueTask<Inbox> OpenAsync(Address address)
    {
        while (true)
        {
            // It is touched by this, and what is touched stays for longer than any call takes; the sweep may have let go of it the moment before.
            var inbox = Of(address);
            await inbox.LoadedAsync();
            if (inbox.IsLoaded && Find(address) == inbox)
            {
                return inbox;
            }
        }
    }

    /// <summary>An inbox that is remembered; null: nobody has used it for a while.</summary>
    public Inbox? Find(Address address) => _inboxes.GetValueOrDefault(address);

    /// <summary>An inbox, read from the log or not yet.</summary>
    public Inbox Of(Address address) => _inboxes.GetOrAdd(address, a => new Inbox(a, _engine, _time, _options, this));

    /// <inheritdoc/>
    public void Changed(Inbox inbox)
    {
        _changed[inbox] = 0;
        Arm();
    }

    /// <inheritdoc/>
    public void OnAcknowledged(Inbox inbox, Position place, bool isThrough) => Acknowledged?.Invoke(inbox.Address, place, isThrough);

    /// <inheritdoc/>
    public async Task BuryAsync(Inbox inbox, LogEntry entry, int attempts)
    {
        await DeadLetters.KeepAsync(inbox.Client, entry, attempts, inbox.CountBuried());
        GivenUp?.Invoke(inbox.Address, entry.Position);
        _logger.DeadLetter(entry.Message.Id, VisibleText.Of(inbox.Client, VisibleText.LogLength), attempts);
    }

    /// <inheritdoc/>
    public bool IsOut(string client) => _standing.IsOut(client);

    /// <inheritdoc/>
    public void Failed(Inbox inbox, Exception exception)
    {
        // That the engine is away is said by itself, once.
        if (!_engine.IsAway || exception is not DuplexityException)
        {
            _logger.InboxFailed(inbox.Address, exception);
        }
    }

    /// <summary>Forgets a client's inbox, with its readers and dead letters.</summary>
    public async ValueTask RemoveAsync(string client, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            if (_inboxes.TryRemove(Address.Client(client), out var inbox))
            {
                // What was read of it may be told later than this.
                inbox.IsRemoved = true;
                inbox.Dispose();
            }

            await _engine.Records.TakeAsync(ReaderRecord.Kind, client, ct);
            await DeadLetters.RemoveAsync(client, ct);
            foreach (var (key, _) in await _engine.Records.ListAsync(ClaimsRecord.Kind(client), ct))
            {
                await _engine.Records.TakeAsync(ClaimsRecord.Kind(client), key, ct);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Writes what has changed last.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => WriteAsync();

    public void Dispose()
    {
        _write.Dispose();
        _sweep.Dispose();
        foreach (var inbox in _inboxes.Values)
        {
            inbox.Dispose();
        }
    }

    private void Arm()
    {
        if (Interlocked.Exchange(ref _isArmed, 1) == 0)
        {
            _write.Change(_options.Times.Cursors, Timeout.InfiniteTimeSpan);
        }
    }

    private async Task WriteAsync()
    {
        await _turn.WaitAsync();
        try
        {
            Volatile.Write(ref _isArmed, 0);
            foreach (var some in _changed.Keys.Chunk(WrittenAtOnce))
            {
                await Task.WhenAll(some.Select(WriteAsync));
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task WriteAsync(Inbox inbox)
    {
        _changed.TryRemove(inbox, out _);
        if (inbox.IsRemoved)
        {
            return;
        }

        try
        {
            await inbox.KeepAsync();
        }
        catch (Exception e)
        {
            Failed(inbox, e);
            Changed(inbox);
        }
    }

    private void Sweep()
    {
        foreach (var (address, inbox) in _inboxes)
        {
            if (inbox.IsIdle(Idle) && !_changed.ContainsKey(inbox) && _inboxes.TryRemove(new(address, inbox)))
            {
                inbox.Dispose();
            }
        }
    }
}
