using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

/// <summary>Who is who: event ids 1000 to 1999.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Information, "A token was refused: {Reason}.")]
    public static partial void TokenRefused(ILogger logger, string reason);

    [LoggerMessage(1001, LogLevel.Warning, "The key set of {Issuer} could not be fetched from {Address}; the keys known so far stay in use and the next try is in a minute at the earliest.")]
    public static partial void KeySetUnavailable(ILogger logger, Exception exception, string issuer, Uri address);

    [LoggerMessage(1002, LogLevel.Information, "The key set of {Issuer} was fetched: {Count} keys.")]
    public static partial void KeySetFetched(ILogger logger, string issuer, int count);

    [LoggerMessage(1010, LogLevel.Information, "Development identity on port {Port}: programs of this user sign in as anyone with the secret in {Path}.")]
    public static partial void DevelopmentSecretWritten(ILogger logger, int port, string path);

    [LoggerMessage(1011, LogLevel.Warning, "No development identity on port {Port}: its secret could not be written to {Path}.")]
    public static partial void DevelopmentSecretNotWritten(ILogger logger, Exception exception, int port, string path);

    [LoggerMessage(1012, LogLevel.Warning, "The development secret {Path} could not be removed. It is worthless by now: the next start draws another.")]
    public static partial void DevelopmentSecretNotRemoved(ILogger logger, Exception exception, string path);

    [LoggerMessage(1013, LogLevel.Information, "No development identity at {Address}: it is not a loopback address.")]
    public static partial void DevelopmentIdentityNotOffered(ILogger logger, string address);

    [LoggerMessage(1003, LogLevel.Warning, "The OpenID provider did not answer; only new sign-ins fail.")]
    public static partial void ProviderAway(ILogger logger, Exception exception);

    [LoggerMessage(1004, LogLevel.Warning, "The OpenID provider refused a code or a refresh token with status {Status}.")]
    public static partial void ProviderRefused(ILogger logger, int status);

    [LoggerMessage(1005, LogLevel.Warning, "An ID token of the OpenID provider was refused: {Reason}.")]
    public static partial void IdTokenRefused(ILogger logger, string reason);

    [LoggerMessage(1006, LogLevel.Information, "{Client} has signed in.")]
    public static partial void SignedIn(ILogger logger, string client);

    [LoggerMessage(1007, LogLevel.Warning, "A refresh handle of {Client} was used twice; its sign-in is ended and its tokens are revoked.")]
    public static partial void HandleReused(ILogger logger, string client);

    [LoggerMessage(1008, LogLevel.Warning, "An API key of {Client} was {Change}: {Name}, by {By}.")]
    public static partial void KeyChanged(ILogger logger, string client, string change, string name, string by);

    [LoggerMessage(1009, LogLevel.Information, "A signing key was drawn: {Id}. Older ones, where there are any, go on verifying until their last tokens end.")]
    public static partial void SigningKeyDrawn(ILogger logger, string id);

    [LoggerMessage(1014, LogLevel.Warning, "The signing keys could not be read again; those that are known go on.")]
    public static partial void SigningKeysNotRead(ILogger logger, Exception exception);

    [LoggerMessage(1020, LogLevel.Warning, "A ticket was refused because the vault did not answer.")]
    public static partial void VaultUnavailable(ILogger logger, Exception exception);
}
