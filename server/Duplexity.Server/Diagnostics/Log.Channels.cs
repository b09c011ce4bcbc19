using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

/// <summary>Log events of pipes and channels: 3000–3999.</summary>
internal static partial class Log
{
    [LoggerMessage(3000, LogLevel.Error, "The channel {Channel} failed to deliver and reads its log again")]
    public static partial void ChannelFailed(this ILogger logger, Address channel, Exception exception);
}
