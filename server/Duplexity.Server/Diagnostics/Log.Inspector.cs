using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

/// <summary>What the inspector of public pipes writes to the log. Event ids 4160 to 4179.</summary>
internal static partial class Log
{
    [LoggerMessage(4160, LogLevel.Warning, "An exchange at {Pipe} could not be kept")]
    public static partial void ExchangeNotKept(ILogger logger, string pipe, Exception exception);

    [LoggerMessage(4161, LogLevel.Information, "{Client} replays the exchange {Id} of {Pipe} of {Owner}")]
    public static partial void Replaying(ILogger logger, string client, string id, string pipe, string owner);

    [LoggerMessage(4162, LogLevel.Warning, "A replay at {Pipe} failed")]
    public static partial void ReplayFailed(ILogger logger, string pipe, Exception exception);

    [LoggerMessage(4163, LogLevel.Warning, "Whether the registrations of inspected pipes are over could not be read")]
    public static partial void InspectedNotChecked(ILogger logger, Exception exception);

    [LoggerMessage(4164, LogLevel.Warning, "A watch of the exchanges at {Pipe} could not read them; it goes on")]
    public static partial void ExchangesNotRead(ILogger logger, string pipe, Exception exception);
}
