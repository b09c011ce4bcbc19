using Duplexity.Protocol;

namespace Duplexity.Server.Tunnels;

/// <summary>Checks what a registration asks for beside its name and resource.</summary>
internal static class PipeSettings
{
    /// <summary>What is wrong; null: nothing.</summary>
    public static DuplexityError? Problem(PipeRegistration pipe) =>
        (pipe.Private == true ? DialRules.Problem(pipe.Visitors) : pipe.Visitors is null or "public" ? null : NotYet("visitors"))
        ?? (pipe.Sticky == true && pipe.Share != true ? DuplexityError.Of(Errors.InvalidPipe, "sticky: visitors stay with one of several sessions, so it goes with share.") : null)
        ?? (pipe.Sticky == true && pipe.Name?.StartsWith(':') == true ? DuplexityError.Of(Errors.InvalidPipe, "sticky: a TCP port has no cookies; it goes with a hostname.") : null)
        ?? (pipe.Offline is null or "refuse" ? null : NotYet("offline"))
        ?? (pipe.Routes is null ? null : NotYet("routes"))
        ?? (pipe.RequestHeaders is null ? null : NotYet("requestHeaders"))
        ?? (pipe.ResponseHeaders is null ? null : NotYet("responseHeaders"))
        ?? (pipe.Carriers is null or "shared" ? null : NotYet("carriers"))
        ?? (pipe.Inspect is null or false ? null : NotYet("inspect"))
        ?? (pipe.Limits is null ? null : NotYet("limits"))
        ?? (pipe.HeaderTimeoutMs is null ? null : NotYet("headerTimeoutMs"))
        ?? (pipe.IdleTimeoutMs is null ? null : NotYet("idleTimeoutMs"));

    private static DuplexityError NotYet(string what) => DuplexityError.Of(Errors.InvalidPipe, $"{what}: this server does not know it yet.");
}
