using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

/// <summary>Log events of gates and service channels: 3100–3199.</summary>
internal static partial class Log
{
    [LoggerMessage(3100, LogLevel.Error, "The gate {Gate} failed {Count} times since this was last said; what it was asked about is refused")]
    public static partial void GateFailed(this ILogger logger, string gate, int count, Exception exception);

    [LoggerMessage(3101, LogLevel.Error, "The service {Service} failed on an announcement; it gets the next ones all the same")]
    public static partial void ServiceFailed(this ILogger logger, string service, Exception exception);
}
