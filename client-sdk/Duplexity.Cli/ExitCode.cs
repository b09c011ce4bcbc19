using System.Net.Sockets;

namespace Duplexity.Cli;

/// <summary>What the process answers to its caller. A promise: scripts branch on these.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    public const int NotReachable = 3;
    public const int NotSignedIn = 4;
    public const int NotAllowed = 5;
    public const int NameTaken = 6;
    public const int TakenOver = 7;
    public const int Interrupted = 130;

    /// <summary>The exit code that goes with whatever ended a command. The one place where errors become numbers.</summary>
    public static int Of(Exception exception) => exception switch
    {
        UsageException => Usage,
        NotSignedInException => NotSignedIn,
        DuplexityException refused => Of(refused.Code),
        // An interruption is told apart before; what is left of cancellations are time-outs.
        HttpRequestException or SocketException or TimeoutException or OperationCanceledException => NotReachable,
        _ => Failed,
    };

    /// <summary>The exit code that goes with a protocol error or the reason of a close.</summary>
    public static int Of(int code)
    {
        if (code == Errors.NameTaken.Code)
        {
            return NameTaken;
        }

        if (code == Errors.TakenOver.Code)
        {
            return TakenOver;
        }

        if (code == Errors.IdentityNotHeld.Code || code == Errors.TokenExpired.Code || code == Errors.TokenRefused.Code || code == Errors.IdentityExpired.Code)
        {
            return NotSignedIn;
        }

        if (code == Errors.ForcedOut.Code || code == Errors.Revoked.Code || code / 100 == (int)ErrorKind.Denied)
        {
            return NotAllowed;
        }

        return code == Errors.Unavailable.Code || code == Errors.Draining.Code ? NotReachable : Failed;
    }
}
