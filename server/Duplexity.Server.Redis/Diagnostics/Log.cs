using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Redis.Diagnostics;

/// <summary>The Redis engine: event ids 8000 to 8099.</summary>
internal static partial class Log
{
    [LoggerMessage(8000, LogLevel.Error, "The handler failed on an entry of a {Kind} channel at {Position}. The entry is stored; readers find it in the log.")]
    public static partial void HandlerFailed(ILogger logger, Exception exception, AddressKind kind, Position position);

    [LoggerMessage(8001, LogLevel.Error, "The handler failed on a change of presence. It has happened; whoever was to be told of it finds out by asking.")]
    public static partial void PresenceHandlerFailed(ILogger logger, Exception exception);

    [LoggerMessage(8002, LogLevel.Error, "The handler failed on what happened to a lock. It has happened; whoever was to be told of it finds out by asking.")]
    public static partial void LockHandlerFailed(ILogger logger, Exception exception);

    [LoggerMessage(8003, LogLevel.Warning, "A hint from Redis could not be read. What it tells of is found by comparing places.")]
    public static partial void HintUnreadable(ILogger logger, Exception exception);

    [LoggerMessage(8010, LogLevel.Warning, "Redis is away: the node's lease could not be renewed. Calls that need Redis are answered as unavailable; the next renewal tries again.")]
    public static partial void Away(ILogger logger, Exception exception);

    [LoggerMessage(8011, LogLevel.Information, "Redis is there again.")]
    public static partial void Back(ILogger logger);

    [LoggerMessage(8012, LogLevel.Warning, "Redis has begun another life (a restart, or a failover): what this node has there is put back, and places that were lost will not be served.")]
    public static partial void AnotherLife(ILogger logger);

    [LoggerMessage(8013, LogLevel.Warning, "The node's lease was over, and others have removed what it had. It goes on as {Node}.")]
    public static partial void LeaseLost(ILogger logger, string node);

    [LoggerMessage(8014, LogLevel.Information, "The node {Node} is dead; what it had was removed.")]
    public static partial void Buried(ILogger logger, string node);

    [LoggerMessage(8015, LogLevel.Warning, "What this node has in Redis could not be put back; the next renewal tries again.")]
    public static partial void NotRestored(ILogger logger, Exception exception);

    [LoggerMessage(8016, LogLevel.Warning, "The public pipe {Name} was taken by somebody else while this node was away.")]
    public static partial void PipeMoved(ILogger logger, string name);

    [LoggerMessage(8017, LogLevel.Warning, "Channels could not be compared with Redis; the next round tries again.")]
    public static partial void NotCompared(ILogger logger, Exception exception);

    [LoggerMessage(8018, LogLevel.Debug, "What happened to locks could not be read; the next renewal of the lease tries again.")]
    public static partial void LocksNotRead(ILogger logger, Exception exception);

    [LoggerMessage(8021, LogLevel.Error, "What was told to all nodes could not be done on this one. It is said to be done, for it would fail again.")]
    public static partial void SystemHandlerFailed(ILogger logger, Exception exception);

    [LoggerMessage(8022, LogLevel.Information, "What was told to all nodes meanwhile is not known: this node reads again what it keeps in memory.")]
    public static partial void SystemMissed(ILogger logger);

    [LoggerMessage(8023, LogLevel.Debug, "The system log could not be read; it is tried again before the next renewal of the lease.")]
    public static partial void SystemNotRead(ILogger logger, Exception exception);

    [LoggerMessage(8020, LogLevel.Warning, "Redis has {Replicas} replicas and min-replicas-to-write 0: a primary that is cut off goes on acknowledging what a failover then loses. Set min-replicas-to-write to 1 in redis.conf.")]
    public static partial void NoReplicaIsWaitedFor(ILogger logger, int replicas);
}
