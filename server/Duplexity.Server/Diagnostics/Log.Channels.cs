using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

/// <summary>Log events of pipes and channels: 3000–3999.</summary>
internal static partial class Log
{
    [LoggerMessage(3000, LogLevel.Error, "The channel {Channel} failed to deliver and reads its log again")]
    public static partial void ChannelFailed(this ILogger logger, Address channel, Exception exception);

    [LoggerMessage(3010, LogLevel.Warning, "Who is where was not what the sockets say: {Count} mended")]
    public static partial void PresenceMended(this ILogger logger, int count);

    [LoggerMessage(3011, LogLevel.Error, "Who is where could not be compared with the sockets; the next round tries again")]
    public static partial void PresenceCheckFailed(this ILogger logger, Exception exception);
}
