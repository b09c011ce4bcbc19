using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

/// <summary>Log events of fronts: 8070–8079.</summary>
internal static partial class Log
{
    [LoggerMessage(8070, LogLevel.Warning, "This front reaches no node: {Problem}. Visitors are answered 503 where it has to ask; it is tried again in a moment.")]
    public static partial void FrontAlone(ILogger logger, string problem);

    [LoggerMessage(8071, LogLevel.Warning, "The port {Port} of a public pipe is in use by something else at this front: its visitors do not reach it here.")]
    public static partial void FrontPortNotOpened(ILogger logger, int port);

    [LoggerMessage(8072, LogLevel.Warning, "{Fronts} fronts could not be told that pipes have changed: they find out when they ask, within seconds.")]
    public static partial void FrontsNotTold(ILogger logger, int fronts);

    [LoggerMessage(8073, LogLevel.Information, "This front is being emptied: {Visitors} visitors are being served.")]
    public static partial void FrontDrains(ILogger logger, int visitors);
}
