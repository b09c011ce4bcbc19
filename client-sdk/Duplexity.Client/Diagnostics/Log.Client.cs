using Microsoft.Extensions.Logging;

namespace Duplexity.Diagnostics;

/// <summary>What the SDK logs. Event ids 8000 to 8999.</summary>
internal static partial class Log
{
    [LoggerMessage(8000, LogLevel.Information, "Connected to {Server} as {Client}, socket {SocketId}.")]
    public static partial void Connected(ILogger logger, Uri server, string client, string socketId);

    [LoggerMessage(8001, LogLevel.Warning, "The connection is being restored in {Delay}: {Code} {Sentence}")]
    public static partial void Reconnecting(ILogger logger, TimeSpan delay, int code, string sentence);

    [LoggerMessage(8002, LogLevel.Information, "The connection is over: {Code} {Sentence}")]
    public static partial void Closed(ILogger logger, int code, string sentence);

    [LoggerMessage(8003, LogLevel.Warning, "A {Handler} handler of the application threw.")]
    public static partial void HandlerThrew(ILogger logger, string handler, Exception exception);

    [LoggerMessage(8010, LogLevel.Debug, "The read buffer of {Channel} is full; the channel pauses until it is read half empty.")]
    public static partial void Paused(ILogger logger, Address channel);

    [LoggerMessage(8011, LogLevel.Debug, "Joining {Channel} again behind the last place that was read.")]
    public static partial void JoiningAgain(ILogger logger, Address channel);

    [LoggerMessage(8012, LogLevel.Warning, "Something may be missing in {Channel}: {From} cannot be served any more, reading goes on behind {To}.")]
    public static partial void Gap(ILogger logger, Address channel, Position from, Position to);

    [LoggerMessage(8013, LogLevel.Warning, "Listening to {Channel} was refused: {Code} {Sentence}")]
    public static partial void ListeningRefused(ILogger logger, Address channel, int code, string sentence);

    [LoggerMessage(8014, LogLevel.Warning, "A message of {Channel} could not be read or handled and was passed over.")]
    public static partial void MessageFault(ILogger logger, Address channel, Exception exception);

    [LoggerMessage(8020, LogLevel.Information, "The pipe {Pipe} serves {Resource}.")]
    public static partial void PipeServes(ILogger logger, string pipe, string resource);

    [LoggerMessage(8021, LogLevel.Warning, "The pipe {Pipe} is over: {Code} {Sentence}")]
    public static partial void PipeLost(ILogger logger, string pipe, int code, string sentence);

    [LoggerMessage(8022, LogLevel.Warning, "A carry order for {Pipe} was not followed: {Reason}")]
    public static partial void OrderIgnored(ILogger logger, string pipe, string reason);

    [LoggerMessage(8023, LogLevel.Debug, "A carrier of {Pipe} failed.")]
    public static partial void CarrierFailed(ILogger logger, string pipe, Exception exception);

    [LoggerMessage(8050, LogLevel.Warning, "The identity {Client} could not be renewed")]
    public static partial void IdentityNotRenewed(ILogger logger, string client, Exception exception);

    [LoggerMessage(8051, LogLevel.Error, "A handler of Identities.Changed failed")]
    public static partial void IdentityHandlerFailed(ILogger logger, Exception exception);

    [LoggerMessage(8060, LogLevel.Warning, "An answer to a challenge of the gate {Gate} was refused: {Code}")]
    public static partial void ChallengeAnswerRefused(ILogger logger, int code, string gate);

    [LoggerMessage(8061, LogLevel.Warning, "A challenge of the gate {Gate} could not be answered")]
    public static partial void ChallengeNotAnswered(ILogger logger, string gate, Exception exception);
}
