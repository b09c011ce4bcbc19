using Duplexity.Protocol;

namespace Duplexity.Server.Tunnels;

/// <summary>Checks what a registration asks for beside its name and resource.</summary>
internal static class PipeSettings
{
    /// <summary>The value of <see cref="PipeRegistration.Carriers"/> by which nobody shares them.</summary>
    public const string PerVisitor = "per-visitor";

    /// <summary>What is wrong; null: nothing.</summary>
    public static DuplexityError? Problem(PipeRegistration pipe) =>
        (pipe.Private == true ? DialRules.Problem(pipe.Visitors) : null)
        ?? (pipe.Sticky == true && pipe.Share != true ? DuplexityError.Of(Errors.InvalidPipe, "sticky: visitors stay with one of several sessions, so it goes with share.") : null)
        ?? (pipe.Sticky == true && (pipe.Name?.StartsWith(':') == true || ResourceText.IsTls(pipe.Resource)) ? DuplexityError.Of(Errors.InvalidPipe, "sticky: bytes that pass unread have no cookies; it goes with a hostname and HTTP.") : null)
        ?? (pipe.Offline is null or "refuse" ? null : NotYet("offline"))
        ?? TrafficSettings.Problem(pipe)
        ?? (pipe.Inspect is true && (pipe.Name is [':', ..] || ResourceText.Read(pipe.Resource)?.Scheme is "tcp" or "tls")
            ? DuplexityError.Of(Errors.InvalidPipe, "inspect: what passes unread has no requests to keep; leave it out.")
            : null);

    private static DuplexityError NotYet(string what) => DuplexityError.Of(Errors.InvalidPipe, $"{what}: this server does not know it yet.");
}
