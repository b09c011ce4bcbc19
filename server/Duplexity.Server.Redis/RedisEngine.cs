using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>The engine of several nodes, on one Redis primary. Thread-safe.</summary>
internal sealed class RedisEngine : IEngine, IAsyncDisposable
{
    private readonly RedisLink _link;
    private readonly RedisRecords _records;
    private readonly DuplexityOptions _options;
    private readonly ILogger _logger;
    private readonly RedisHints _hints;
    private readonly RedisNode _node;
    private readonly RedisMessageLog _log;
    private readonly RedisFollows _follows;
    private readonly RedisLocks _locks;
    private readonly RedisSystemLog _system;
    private bool _isStarted;
    private int _isDisposed;

    public RedisEngine(RedisLink link, RedisRecords records, string node, DuplexityOptions options, IRetention retention, TimeProvider time, ILogger logger)
    {
        (_link, _records, _options, _logger) = (link, records, options, logger);
        _hints = new RedisHints(link, logger);
        _node = new RedisNode(link, _hints, node, time, logger) { HandOver = options.Times.HandOver };
        _follows = new RedisFollows(link, _node, _hints, time, logger) { ReadLast = channel => _log!.ReadAsync(channel, null, 1, reverse: true) };
        _log = new RedisMessageLog(link, _node, _hints, _follows, options, retention);
        _locks = new RedisLocks(link, _node, options, time, logger);
        _system = new RedisSystemLog(link, _node, time, logger);
        var presence = new RedisPresence(link, _node);
        var registry = new RedisRegistry(link, _node, options.Times.HandOver, logger);
        (Presence, Registry, Vault) = (presence, registry, new RedisVault(link));
        _hints.IsNews = _follows.IsNews;
        _hints.PresenceHeard = _follows.HearPresence;
        _hints.LocksChanged = _locks.OnHint;
        _hints.SystemTold = _system.HearMore;
        _hints.SystemDone = _system.HearDone;
        _node.BeforeRenewal = _system.ReadOnAsync;
        _node.Restore = async () =>
        {
            await _system.RestoreAsync();
            await _follows.CompareAsync(now: true);
            await presence.RestoreAsync();
            await registry.RestoreAsync();
            await _locks.RestoreAsync();
        };
        _node.Tend = async () =>
        {
            await _follows.CompareAsync(now: false);
            await _locks.TendAsync();
        };
    }

    /// <inheritdoc/>
    public IMessageLog Log => _log;

    /// <inheritdoc/>
    public IPresence Presence { get; }

    /// <inheritdoc/>
    public IRegistry Registry { get; }

    /// <inheritdoc/>
    public IVault Vault { get; }

    /// <inheritdoc/>
    public IRecords Records => _records;

    /// <inheritdoc/>
    public ILocks Locks => _locks;

    /// <inheritdoc/>
    public ISystemLog SystemLog => _system;

    /// <inheritdoc/>
    public ActingLease Lease => _node.Lease;

    /// <inheritdoc/>
    public LiveNodes Nodes => _node.Nodes;

    /// <inheritdoc/>
    string IEngine.Node => _node.Id;

    /// <inheritdoc/>
    public bool IsAway => _node.IsAway || !_link.IsConnected;

    /// <summary>The node under which this engine writes.</summary>
    internal RedisNode Node => _node;

    /// <summary>The channels that are followed here.</summary>
    internal RedisFollows Follows => _follows;

    /// <inheritdoc/>
    public void Attach(IEngineHandler handler)
    {
        if (_isStarted && handler.HearsAll)
        {
            throw new InvalidOperationException("Who hears of every channel is attached before the engine is started.");
        }

        _hints.Attach(handler);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> IsGoneAsync(string node, CancellationToken ct = default) => await _link.AskAsync(database => database.SortedSetScoreAsync(_link.Keys.Nodes, node)) is null;

    /// <inheritdoc/>
    public async ValueTask<string?> ProbeAsync(CancellationToken ct = default)
    {
        var heard = _hints.ExpectProbe();
        try
        {
            await _link.AskAsync(_ => _link.Connection.GetSubscriber().PublishAsync(RedisChannel.Literal(_link.Keys.Topic + _node.Id), RedisHints.Probe)).WaitAsync(ct);
        }
        catch (DuplexityException e)
        {
            return e.Message;
        }

        try
        {
            await heard.WaitAsync(_link.Options.Timeout, ct);
            return _node.IsAway ? "The node's lease could not be renewed." : null;
        }
        catch (TimeoutException)
        {
            return "Redis takes commands, and what it publishes does not arrive.";
        }
    }

    /// <summary>Connects, looks whether this Redis can keep what is promised, and joins the other nodes.</summary>
    /// <exception cref="RedisRefusedException">It cannot; says what to change.</exception>
    public async Task StartAsync()
    {
        await _link.OpenAsync();
        (_log.Reached, _records.IsDurable) = await new RedisCheck(_link, _options, _logger).RunAsync();
        await _system.BeginAsync();
        await _node.StartAsync();
        _isStarted = true;
    }

    /// <summary>Leaves the other nodes: what this one had is removed.</summary>
    public async Task LeaveAsync()
    {
        if (_isStarted)
        {
            await _node.LeaveAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 1)
        {
            return;
        }

        await _node.DisposeAsync();
        _locks.Dispose();
        _system.Dispose();
        await _hints.DisposeAsync();
        await _link.DisposeAsync();
    }
}
