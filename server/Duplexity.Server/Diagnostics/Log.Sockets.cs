using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

/// <summary>Log events of hubs and sockets: 2000–2999.</summary>
internal static partial class Log
{
    [LoggerMessage(2000, LogLevel.Error, "Writing to socket {Socket} failed; it is closed")]
    public static partial void SocketWriteFailed(this ILogger logger, string socket, Exception exception);

    [LoggerMessage(2001, LogLevel.Error, "{Hub}.{Method} failed")]
    public static partial void HubMethodFailed(this ILogger logger, string hub, string method, Exception exception);

    [LoggerMessage(2002, LogLevel.Information, "Socket {Socket} of {Client} connected")]
    public static partial void SocketConnected(this ILogger logger, string socket, string client);

    [LoggerMessage(2003, LogLevel.Information, "Socket {Socket} of {Client} is gone")]
    public static partial void SocketGone(this ILogger logger, string socket, string client);

    [LoggerMessage(2004, LogLevel.Information, "Session {Session} of {Client} is over")]
    public static partial void SessionOver(this ILogger logger, string session, string client);
}
