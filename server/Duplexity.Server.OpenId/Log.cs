using Microsoft.Extensions.Logging;

namespace Duplexity.Server.OpenId;

/// <summary>The embedded provider: event ids 1100 to 1199.</summary>
internal static partial class Log
{
    [LoggerMessage(1100, LogLevel.Warning, "The user {User} was {Change} by {By}.")]
    public static partial void UserChanged(ILogger logger, string user, string change, string by);

    [LoggerMessage(1101, LogLevel.Information, "A sign-in was refused from {Address}: {Reason}.")]
    public static partial void SignInRefused(ILogger logger, System.Net.IPAddress address, string reason);

    [LoggerMessage(1102, LogLevel.Warning, "There is no administrator yet; the link that makes the first was printed to the console.")]
    public static partial void NoAdministrator(ILogger logger);

    [LoggerMessage(1103, LogLevel.Warning, "What has expired could not be removed from the provider's file; the next try is in an hour.")]
    public static partial void NotPruned(ILogger logger, Exception exception);

    [LoggerMessage(1104, LogLevel.Error, "The link for the first administrator could not be made; start the node again.")]
    public static partial void NoFirstLink(ILogger logger, Exception exception);
}
