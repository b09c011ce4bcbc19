using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Engine;

/// <summary>
/// The engine of a single node. Who is there, which session serves which name and one-time secrets are in this process's memory and end with it; messages and records are in memory as well, or in a data folder,
/// as the log and the records that it is given have it. Thread-safe.
/// </summary>
internal sealed class EmbeddedEngine : IEngine, IDisposable
{
    /// <summary>How often what has expired is let go of: seldom enough to cost nothing, often enough that what lies about expired is a small part of what is kept.</summary>
    internal static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(1);

    private const string Letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private readonly ILocalLog _log;
    private readonly MemoryPresence _presence;
    private readonly MemoryVault _vault;
    private readonly MemoryLocks _locks;
    private readonly MemoryRecords? _records;
    private readonly ITimer _sweep;

    public EmbeddedEngine(TimeProvider time, IOptions<DuplexityOptions> options, ILogger<EmbeddedEngine> logger, IRecords? records = null, IRetention? retention = null)
        : this(time, options.Value, records, new MonotonicClock(time), clock => new MemoryMessageLog(clock, options.Value, retention ?? new DefaultRetention(options.Value), NewIncarnation(), logger), logger)
    {
    }

    /// <summary>An engine around a log, which it disposes.</summary>
    internal EmbeddedEngine(TimeProvider time, DuplexityOptions options, ILocalLog log, IRecords? records = null, ILogger? logger = null)
        : this(time, options, records, new MonotonicClock(time), _ => log, logger ?? NullLogger.Instance)
    {
    }

    private EmbeddedEngine(TimeProvider time, DuplexityOptions options, IRecords? records, MonotonicClock clock, Func<MonotonicClock, ILocalLog> log, ILogger logger)
    {
        _log = log(clock);
        _presence = new MemoryPresence(clock);
        _vault = new MemoryVault(clock);
        Records = records ?? (_records = new MemoryRecords(time));
        Registry = new MemoryRegistry(time, options.Times.HandOver);
        _locks = new MemoryLocks(Records, clock, time, options, logger);
        _sweep = time.CreateTimer(_ => Sweep(), null, SweepInterval, SweepInterval);
    }

    /// <inheritdoc/>
    public IMessageLog Log => _log;

    /// <inheritdoc/>
    public IPresence Presence => _presence;

    /// <inheritdoc/>
    public IRegistry Registry { get; }

    /// <inheritdoc/>
    public IVault Vault => _vault;

    /// <inheritdoc/>
    public IRecords Records { get; }

    /// <inheritdoc/>
    public ILocks Locks => _locks;

    /// <inheritdoc/>
    public ISystemLog SystemLog { get; } = new LocalSystemLog();

    /// <summary>A name for one life of a store: 10 of 62 letters, so that two lives never share one.</summary>
    internal static string NewIncarnation() => RandomNumberGenerator.GetString(Letters, 10);

    /// <inheritdoc/>
    public void Attach(IEngineHandler handler)
    {
        _log.Attach(handler);
        _presence.Attach(handler);
    }

    public void Dispose()
    {
        _sweep.Dispose();
        _locks.Dispose();
        _log.Dispose();
    }

    private void Sweep()
    {
        _log.Sweep();
        _presence.Sweep();
        _vault.Sweep();
        _records?.Sweep();
    }
}
