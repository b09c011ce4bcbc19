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

    [LoggerMessage(2005, LogLevel.Information, "{Client} has fallen off a connection: {Change}")]
    public static partial void IdentityEnded(this ILogger logger, string client, string change);

    [LoggerMessage(2006, LogLevel.Warning, "Revoked: {What}; {Connections} connections lost it")]
    public static partial void Revoked(this ILogger logger, string what, int connections);

    [LoggerMessage(2007, LogLevel.Warning, "{Target} is disconnected by force, by {By}, and kept away for {Seconds} s")]
    public static partial void ForcedDisconnect(this ILogger logger, string target, string by, long seconds);

    [LoggerMessage(2008, LogLevel.Error, "An identity whose time had come could not be taken off a connection; the next round tries again")]
    public static partial void SweepFailed(this ILogger logger, Exception exception);

    [LoggerMessage(2009, LogLevel.Warning, "Client {Client} is removed, by {By}; its name is never given again")]
    public static partial void ClientRemoved(this ILogger logger, string client, string by);

    [LoggerMessage(2010, LogLevel.Warning, "The engine could not be told that socket {Socket} is gone; it is made good when the engine is there again")]
    public static partial void SocketGoneUntold(this ILogger logger, Exception exception, string socket);

    [LoggerMessage(2051, LogLevel.Information, "{Client} is {What}: {Channel}, by {By}")]
    public static partial void Placed(this ILogger logger, string client, string what, string channel, string by);

    [LoggerMessage(2050, LogLevel.Error, "{Operation} of the HTTP API failed")]
    public static partial void ApiCallFailed(this ILogger logger, string operation, Exception exception);

    [LoggerMessage(2004, LogLevel.Information, "Session {Session} of {Client} is over")]
    public static partial void SessionOver(this ILogger logger, string session, string client);
}
