using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

/// <summary>What the gates of public pipes write to the log.</summary>
internal static partial class Log
{
    [LoggerMessage(4120, LogLevel.Debug, "A visitor of {Pipe} was let in by no gate: {Who}")]
    public static partial void VisitorRefused(ILogger logger, string pipe, string who);

    [LoggerMessage(4121, LogLevel.Information, "{Client} signed in as a visitor of {Pipe}")]
    public static partial void VisitorArrived(ILogger logger, string pipe, string client);

    [LoggerMessage(4122, LogLevel.Information, "A visitor of {Pipe} was cut off: it would not be let in any more")]
    public static partial void VisitorCut(ILogger logger, string pipe);

    [LoggerMessage(4123, LogLevel.Information, "{Owner} lets {Client} visit {Pipe} until {Until}")]
    public static partial void VisitGranted(ILogger logger, string owner, string client, string pipe, DateTimeOffset until);

    [LoggerMessage(4124, LogLevel.Information, "{Owner} lets {Client} visit {Pipe} no more")]
    public static partial void VisitWithdrawn(ILogger logger, string owner, string client, string pipe);

    [LoggerMessage(4125, LogLevel.Information, "{Owner} made a link for visitors of {Pipe} until {Until}")]
    public static partial void LinkMade(ILogger logger, string owner, string pipe, DateTimeOffset until);

    [LoggerMessage(4126, LogLevel.Debug, "A visitor of {Pipe} has to wait: {Limit}")]
    public static partial void VisitorHasToWait(ILogger logger, string pipe, string limit);

    [LoggerMessage(4127, LogLevel.Debug, "The rules of {Pipe} have changed and cannot be read now; its visitors are looked at in a moment")]
    public static partial void VisitorsNotLookedAt(ILogger logger, string pipe, Exception exception);
}
