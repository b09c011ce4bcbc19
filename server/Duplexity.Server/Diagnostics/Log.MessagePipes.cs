using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

/// <summary>Log events of clients' message pipes: 3200–3299.</summary>
internal static partial class Log
{
    [LoggerMessage(3200, LogLevel.Warning, "The message pipe {Pipe} goes on with what {Channel} has left: what lay from {From} to {To} is gone")]
    public static partial void DeadStretch(this ILogger logger, string pipe, string channel, Position from, Position to);

    [LoggerMessage(3201, LogLevel.Error, "The message pipe {Pipe} could not go on; it tries again")]
    public static partial void PipeFailed(this ILogger logger, string pipe, Exception exception);

    [LoggerMessage(3202, LogLevel.Error, "What message pipes need done could not be; it is tried again")]
    public static partial void PipesNotTended(this ILogger logger, Exception exception);
}
