using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

internal static partial class Log
{
    [LoggerMessage(6000, LogLevel.Error, "The handler failed on an entry of a {Kind} channel at {Position}. The entry is stored; readers find it in the log.")]
    public static partial void HandlerFailed(ILogger logger, Exception exception, AddressKind kind, Position position);

    [LoggerMessage(6010, LogLevel.Error, "What became of a lock could not be written. A grant is taken back; a lock that was given back is free now, and held for one more lease if the node is started again.")]
    public static partial void LockNotWritten(ILogger logger, Exception exception);

    [LoggerMessage(6011, LogLevel.Error, "The handler failed on what happened to a lock. It has happened; whoever was to be told of it finds out by asking.")]
    public static partial void LockHandlerFailed(ILogger logger, Exception exception);
}
