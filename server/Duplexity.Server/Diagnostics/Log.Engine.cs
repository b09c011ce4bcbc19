using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

internal static partial class Log
{
    [LoggerMessage(6000, LogLevel.Error, "The handler failed on an entry of a {Kind} channel at {Position}. The entry is stored; readers find it in the log.")]
    public static partial void HandlerFailed(ILogger logger, Exception exception, AddressKind kind, Position position);
}
