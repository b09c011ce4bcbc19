using Microsoft.Extensions.Logging;

namespace Duplexity.AspNetCore.Diagnostics;

/// <summary>What an application's pipe logs. Event ids 8500 to 8599.</summary>
internal static partial class Log
{
    [LoggerMessage(8500, LogLevel.Information, "This application is public at {Url} (served: {Resource}).")]
    public static partial void Serves(ILogger logger, Uri url, string resource);

    [LoggerMessage(8501, LogLevel.Warning, "The pipe {Pipe} is not open yet, and is tried again: {Code} {Sentence}")]
    public static partial void NotOpen(ILogger logger, string pipe, int code, string sentence);

    [LoggerMessage(8502, LogLevel.Warning, "The pipe {Pipe} is over: {Code} {Sentence}")]
    public static partial void Over(ILogger logger, string pipe, int code, string sentence);

    [LoggerMessage(8503, LogLevel.Warning, "The pipe {Pipe} is not served: {Problem}")]
    public static partial void NotServed(ILogger logger, string pipe, string problem);

    [LoggerMessage(8504, LogLevel.Information, "The pipe {Pipe} is closed, because the application stops.")]
    public static partial void Closes(ILogger logger, string pipe);

    [LoggerMessage(8510, LogLevel.Information, "An assertion of a visitor's identity was not believed: {Problem}.")]
    public static partial void AssertionRefused(ILogger logger, string problem);

    [LoggerMessage(8511, LogLevel.Warning, "The keys of {Server} could not be fetched, so that no visitor is known.")]
    public static partial void KeysUnavailable(ILogger logger, Uri server, Exception exception);
}
