using Duplexity.Protocol;

namespace Duplexity.Server.Tunnels;

/// <summary>Checks what a registration asks for beside its name and resource.</summary>
internal static class PipeSettings
{
    /// <summary>How long an answer to a message may be waited for: two minutes, beyond which visitors' own programs give up.</summary>
    private const long MostReplyMs = 120_000;

    /// <summary>What is wrong; null: nothing.</summary>
    public static DuplexityError? Problem(PipeRegistration pipe) =>
        (pipe.Visitors is null or "public" ? null : NotYet("visitors"))
        ?? (pipe.Share is null or false ? null : NotYet("share"))
        ?? (pipe.Sticky is null or false ? null : NotYet("sticky"))
        ?? (pipe.Private is null or false ? null : NotYet("private"))
        ?? CheckOffline(pipe)
        ?? CheckReply(pipe)
        ?? (pipe.Routes is null ? null : NotYet("routes"))
        ?? (pipe.RequestHeaders is null ? null : NotYet("requestHeaders"))
        ?? (pipe.ResponseHeaders is null ? null : NotYet("responseHeaders"))
        ?? (pipe.Carriers is null or "shared" ? null : NotYet("carriers"))
        ?? (pipe.Inspect is null or false ? null : NotYet("inspect"))
        ?? (pipe.Limits is null ? null : NotYet("limits"))
        ?? (pipe.HeaderTimeoutMs is null ? null : NotYet("headerTimeoutMs"))
        ?? (pipe.IdleTimeoutMs is null ? null : NotYet("idleTimeoutMs"));

    private static DuplexityError? CheckOffline(PipeRegistration pipe) => pipe.Offline switch
    {
        null or "refuse" => null,
        "queue" => pipe.Name?.StartsWith(':') == true || string.IsNullOrWhiteSpace(pipe.Name)
            ? DuplexityError.Of(Errors.InvalidPipe, "offline: queue keeps HTTP requests under a name of your choice; give the pipe one, such as hook.")
            : null,
        var other => DuplexityError.Of(Errors.InvalidPipe, $"offline is refuse or queue, not '{VisibleText.Of(other, 64)}'."),
    };

    private static DuplexityError? CheckReply(PipeRegistration pipe) => pipe.ReplyTimeoutMs switch
    {
        null => null,
        _ when ResourceText.ReadChannel(pipe.Resource) is null => DuplexityError.Of(Errors.InvalidPipe, "replyTimeoutMs is for pipes into a channel, such as room:orders."),
        < 1 or > MostReplyMs => DuplexityError.Of(Errors.InvalidPipe, $"replyTimeoutMs is 1 to {MostReplyMs}."),
        _ => null,
    };

    private static DuplexityError NotYet(string what) => DuplexityError.Of(Errors.InvalidPipe, $"{what}: this server does not know it yet.");
}
