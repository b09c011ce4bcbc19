using System.Diagnostics;

namespace Duplexity.Server.Diagnostics;

/// <summary>
/// The way of a message (<c>message</c>: <c>gates</c>, <c>append</c>, and on each node that has listeners <c>deliver</c>) and of a visitor's request (<c>visit</c>: <c>locate</c>, <c>carrier</c>, <c>forward</c>) as spans. They have
/// ids, numbers and error names, and no name of a client, channel or pipe. Where nobody listens nothing is made. No span is ever the ambient one, so that none slips into what an application or a resource traces for itself. Thread-safe.
/// </summary>
internal static class Spans
{
    /// <summary>The name of the source.</summary>
    public const string Name = "Duplexity.Server";

    private static readonly ActivitySource Source = new(Name);

    /// <summary>Whether somebody listens.</summary>
    public static bool AreHeard => Source.HasListeners();

    /// <summary>Begins a trace of our own; null where nobody wants it.</summary>
    /// <param name="name">The span's name.</param>
    /// <param name="kind">The span's kind.</param>
    /// <param name="cause">A stranger's span that led to it: linked, not continued, or strangers would decide what is traced here.</param>
    public static Activity? Begin(string name, ActivityKind kind, ActivityContext cause = default) =>
        AreHeard ? Start(name, kind, default, cause == default ? null : [new ActivityLink(cause)]) : null;

    /// <summary>A part of a span; null of null.</summary>
    public static Activity? Step(this Activity? whole, string name) => whole is null ? null : Start(name, ActivityKind.Internal, whole.Context);

    /// <summary>A part of a span that may be another node's, by what <see cref="Remembered"/> gave there; null where there is none, or nobody listens here.</summary>
    public static Activity? Continue(string? remembered, string name) =>
        remembered is not null && AreHeard && ActivityContext.TryParse(remembered, null, isRemote: true, out var whole)
            ? Start(name, ActivityKind.Consumer, whole)
            : null;

    /// <summary>What other nodes need to go on with a span; null where it is not recorded.</summary>
    public static string? Remembered(this Activity? span) => span is { Recorded: true } ? span.Id : null;

    /// <summary>Ends a span, with the error that it ended by.</summary>
    public static void End(this Activity? span, DuplexityError? error = null)
    {
        if (span is null)
        {
            return;
        }

        if (error is not null)
        {
            span.SetTag("error.type", ErrorNames.Of(error)).SetStatus(ActivityStatusCode.Error);
        }

        var around = Activity.Current;
        span.Stop();
        Activity.Current = around;
    }

    private static Activity? Start(string name, ActivityKind kind, ActivityContext whole, ActivityLink[]? links = null)
    {
        var around = Activity.Current;
        Activity.Current = null;
        var span = Source.StartActivity(name, kind, whole, null, links);
        Activity.Current = around;
        return span;
    }
}
