using Duplexity.Server.Tunnels.Away;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

/// <summary>Log events of requests that are kept for public pipes, and of pipes into channels: 4180–4199.</summary>
internal static partial class Log
{
    [LoggerMessage(4180, LogLevel.Debug, "A request for {Pipe} is kept as {Request}")]
    public static partial void RequestKept(ILogger logger, string pipe, string request);

    [LoggerMessage(4181, LogLevel.Information, "A request for {Pipe} was not kept, the queue is full: {Bound}")]
    public static partial void QueueFull(ILogger logger, string pipe, QueueFull bound);

    [LoggerMessage(4182, LogLevel.Debug, "Request {Request} of {Pipe} was replayed, attempt {Attempt}, and answered {Status}")]
    public static partial void RequestReplayed(ILogger logger, string request, string pipe, int attempt, int status);

    [LoggerMessage(4183, LogLevel.Warning, "Request {Request} of {Pipe} is given up after {Attempts} attempts; the last answer was {Status}")]
    public static partial void RequestGivenUp(ILogger logger, string request, string pipe, int attempts, int status);

    [LoggerMessage(4184, LogLevel.Warning, "The queue of {Pipe} could not go on; it tries again")]
    public static partial void QueueFailed(ILogger logger, string pipe, Exception exception);

    [LoggerMessage(4186, LogLevel.Warning, "A request for {Pipe} could not be kept; its sender was told to come again")]
    public static partial void RequestNotKept(ILogger logger, string pipe, Exception exception);

    [LoggerMessage(4187, LogLevel.Warning, "Request {Request} of {Pipe} could not be sent for a fault of the node's own; it is tried again as often as one that is not answered")]
    public static partial void RequestFailed(ILogger logger, string request, string pipe, Exception exception);

    [LoggerMessage(4185, LogLevel.Information, "The queue of {Pipe} of {Client} is over, with all that it kept")]
    public static partial void QueueRemoved(ILogger logger, string pipe, string client);
}
