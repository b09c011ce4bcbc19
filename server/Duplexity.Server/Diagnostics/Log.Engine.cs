using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

internal static partial class Log
{
    [LoggerMessage(6000, LogLevel.Error, "The handler failed on an entry of a {Kind} channel at {Position}. The entry is stored; readers find it in the log.")]
    public static partial void HandlerFailed(ILogger logger, Exception exception, AddressKind kind, Position position);

    [LoggerMessage(6001, LogLevel.Error, "The message log cannot be written. Sends are answered with outcome_unknown until it can; every one of them tries again.")]
    public static partial void LogFailed(ILogger logger, Exception exception);

    [LoggerMessage(6002, LogLevel.Information, "The message log is written again.")]
    public static partial void LogWritesAgain(ILogger logger);

    [LoggerMessage(6003, LogLevel.Warning, "The connection to the message log could not be closed after a failure; another one is opened.")]
    public static partial void LogNotClosed(ILogger logger, Exception exception);

    [LoggerMessage(6004, LogLevel.Warning, "What is too old in the message log could not be let go of; the next minute tries again.")]
    public static partial void LogNotSwept(ILogger logger, Exception exception);

    [LoggerMessage(6005, LogLevel.Warning, "All nodes were told something of the kind {Kind}, which this version does not know; another node runs a later one.")]
    public static partial void SystemKindUnknown(this ILogger logger, string kind);

    [LoggerMessage(6010, LogLevel.Error, "What became of a lock could not be written. A grant is taken back; a lock that was given back is free now, and held for one more lease if the node is started again.")]
    public static partial void LockNotWritten(ILogger logger, Exception exception);

    [LoggerMessage(6011, LogLevel.Error, "The handler failed on what happened to a lock. It has happened; whoever was to be told of it finds out by asking.")]
    public static partial void LockHandlerFailed(ILogger logger, Exception exception);
}
