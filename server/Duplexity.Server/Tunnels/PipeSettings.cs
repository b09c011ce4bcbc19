using Duplexity.Protocol;

namespace Duplexity.Server.Tunnels;

/// <summary>Checks what a registration asks for beside its name and resource.</summary>
internal static class PipeSettings
{
    /// <summary>The value of <see cref="PipeRegistration.Carriers"/> by which nobody shares them.</summary>
    public const string PerVisitor = "per-visitor";

    /// <summary>How long an answer to a message may be waited for: two minutes, beyond which visitors' own programs give up.</summary>
    private const long MostReplyMs = 120_000;

    /// <summary>The longest path of a health check: of the many that are in use none has more than some dozens.</summary>
    private const int LongestHealth = 255;

    /// <summary>What is wrong; null: nothing.</summary>
    public static DuplexityError? Problem(PipeRegistration pipe) =>
        (pipe.Private == true ? DialRules.Problem(pipe.Visitors) : null)
        ?? (pipe.Sticky == true && pipe.Share != true ? DuplexityError.Of(Errors.InvalidPipe, "sticky: visitors stay with one of several sessions, so it goes with share.") : null)
        ?? (pipe.Sticky == true && (pipe.Name?.StartsWith(':') == true || ResourceText.IsTls(pipe.Resource)) ? DuplexityError.Of(Errors.InvalidPipe, "sticky: bytes that pass unread have no cookies; it goes with a hostname and HTTP.") : null)
        ?? CheckHealth(pipe)
        ?? CheckOffline(pipe)
        ?? CheckChannel(pipe)
        ?? TrafficSettings.Problem(pipe)
        ?? (pipe.Inspect is true && (pipe.Name is [':', ..] || ResourceText.Read(pipe.Resource)?.Scheme is "tcp" or "tls")
            ? DuplexityError.Of(Errors.InvalidPipe, "inspect: what passes unread has no requests to keep; leave it out.")
            : null);

    private static DuplexityError? CheckHealth(PipeRegistration pipe) => pipe.Health switch
    {
        null => null,
        _ when pipe.Share != true || pipe.Name is [':', ..] || ResourceText.ReadChannel(pipe.Resource) is not null || ResourceText.Read(pipe.Resource)?.Scheme is "tcp" or "tls" =>
            DuplexityError.Of(Errors.InvalidPipe, "health: what is asked chooses among several sessions of a hostname; it goes with share and a resource that speaks HTTP."),
        { Length: <= LongestHealth } path when path.StartsWith('/') && path.All(c => c is > ' ' and <= '~' and not '#') => null,
        _ => DuplexityError.Of(Errors.InvalidPipe, $"health is a path such as /healthz, of at most {LongestHealth} visible ASCII characters."),
    };

    private static DuplexityError? CheckOffline(PipeRegistration pipe) => pipe.Offline switch
    {
        null or "refuse" => null,
        "queue" when pipe.Share == true => DuplexityError.Of(Errors.InvalidPipe, "offline: queue gives what it has kept to the one session that has the name; it does not go with share."),
        "queue" => string.IsNullOrWhiteSpace(pipe.Name) || pipe.Name.Trim()[0] is ':' or '*' || pipe.Private == true || ResourceText.IsTls(pipe.Resource)
            ? DuplexityError.Of(Errors.InvalidPipe, "offline: queue keeps HTTP requests under one public name of your choice, such as hook: not at a port, under a wildcard, of a private pipe, or of TLS that passes unread.")
            : null,
        var other => DuplexityError.Of(Errors.InvalidPipe, $"offline is refuse or queue, not '{VisibleText.Of(other, 64)}'."),
    };

    private static DuplexityError? CheckChannel(PipeRegistration pipe) =>
        ResourceText.ReadChannel(pipe.Resource) is not null && (pipe.Routes ?? (object?)pipe.RequestHeaders ?? pipe.ResponseHeaders ?? (object?)pipe.HeaderTimeoutMs ?? pipe.IdleTimeoutMs ?? (object?)pipe.Carriers) is not null
            ? DuplexityError.Of(Errors.InvalidPipe, "Routes, headers, carriers and time-outs belong to a resource that is dialled; a pipe into a channel has none of them.")
            : CheckReply(pipe);

    private static DuplexityError? CheckReply(PipeRegistration pipe) => pipe.ReplyTimeoutMs switch
    {
        null => null,
        _ when ResourceText.ReadChannel(pipe.Resource) is null => DuplexityError.Of(Errors.InvalidPipe, "replyTimeoutMs is for pipes into a channel, such as room:orders."),
        < 1 or > MostReplyMs => DuplexityError.Of(Errors.InvalidPipe, $"replyTimeoutMs is 1 to {MostReplyMs}."),
        _ => null,
    };
}
