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
        ?? CheckKind(pipe)
        ?? (pipe.Sticky == true && pipe.Share != true ? Wrong("sticky: visitors stay with one of several sessions, so it goes with share.") : null)
        ?? CheckHealth(pipe)
        ?? CheckOffline(pipe)
        ?? TrafficSettings.Problem(pipe)
        ?? (pipe.ReplyTimeoutMs is < 1 or > MostReplyMs ? Wrong($"replyTimeoutMs is 1 to {MostReplyMs}.") : null);

    /// <summary>What would be taken and do nothing is refused: whoever asks for it counts on it.</summary>
    private static DuplexityError? CheckKind(PipeRegistration pipe)
    {
        var (what, kind) = pipe switch
        {
            { Private: true } => ("A private pipe carries bytes as they are", Kinds.Unread),
            { Name: [':', ..] } => ("A TCP port passes bytes on unread", Kinds.Unread),
            _ when ResourceText.IsTls(pipe.Resource) => ("TLS that ends at the resource passes unread", Kinds.Unread),
            _ when ResourceText.ReadChannel(pipe.Resource) is not null => ("A pipe into a channel dials no resource", Kinds.Channel),
            _ => ("A pipe to a resource answers by itself, and not by messages", Kinds.Http),
        };
        (string Field, bool IsAsked, Kinds For)[] all =
        [
            ("hostHeader", pipe.HostHeader is not (null or "keep"), Kinds.Http),
            ("sticky", pipe.Sticky == true, Kinds.Http),
            ("health", pipe.Health is not null, Kinds.Http),
            ("offline", pipe.Offline is not (null or "refuse"), Kinds.Http | Kinds.Channel),
            ("routes", pipe.Routes is { Length: > 0 }, Kinds.Http),
            ("requestHeaders", pipe.RequestHeaders is { Length: > 0 }, Kinds.Http),
            ("responseHeaders", pipe.ResponseHeaders is { Length: > 0 }, Kinds.Http),
            ("carriers", pipe.Carriers is not null, Kinds.Http),
            ("inspect", pipe.Inspect == true, Kinds.Http | Kinds.Channel),
            ("headerTimeoutMs", pipe.HeaderTimeoutMs is not null, Kinds.Http),
            ("idleTimeoutMs", pipe.IdleTimeoutMs is not null, Kinds.Http),
            ("replyTimeoutMs", pipe.ReplyTimeoutMs is not null, Kinds.Channel),
        ];
        string[] idle = [.. all.Where(f => f.IsAsked && !f.For.HasFlag(kind)).Select(f => f.Field)];
        return idle.Length == 0 ? null : Wrong($"{what}, so {string.Join(", ", idle)} would do nothing there: leave {(idle.Length == 1 ? "it" : "them")} out.");
    }

    private static DuplexityError? CheckHealth(PipeRegistration pipe) => pipe.Health switch
    {
        null => null,
        _ when pipe.Share != true => Wrong("health: what is asked chooses among several sessions, so it goes with share."),
        { Length: <= LongestHealth } path when path.StartsWith('/') && path.All(c => c is > ' ' and <= '~' and not '#') => null,
        _ => Wrong($"health is a path such as /healthz, of at most {LongestHealth} visible ASCII characters."),
    };

    private static DuplexityError? CheckOffline(PipeRegistration pipe) => pipe.Offline switch
    {
        null or "refuse" => null,
        "queue" when pipe.Share == true => Wrong("offline: queue gives what it has kept to the one session that has the name; it does not go with share."),
        "queue" => string.IsNullOrWhiteSpace(pipe.Name) || pipe.Name.Trim()[0] == '*' ? Wrong("offline: queue keeps requests under one name of your choice, such as hook, and under no wildcard.") : null,
        var other => Wrong($"offline is refuse or queue, not '{VisibleText.Of(other, 64)}'."),
    };

    private static DuplexityError Wrong(string sentence) => DuplexityError.Of(Errors.InvalidPipe, sentence);

    /// <summary>What a pipe leads to, of which its settings are.</summary>
    [Flags]
    private enum Kinds
    {
        Unread = 1,
        Http = 2,
        Channel = 4,
    }
}
