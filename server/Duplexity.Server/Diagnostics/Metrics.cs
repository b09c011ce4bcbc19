using System.Diagnostics.Metrics;

namespace Duplexity.Server.Diagnostics;

/// <summary>
/// What a node counts and times as it happens; <see cref="Gauges"/> has what is looked at when somebody asks. Names, units and tags are API. Tags have few values, fixed here: never a client's, a channel's or a pipe's name (G25).
/// An instrument that nobody listens to costs one look, and nothing is made for it (G11). One for each node, also where several run in one process. Thread-safe.
/// </summary>
internal sealed class Metrics
{
    /// <summary>The meter's name.</summary>
    public const string Name = "Duplexity.Server";

    // From a memory engine's microseconds to the patience that a call has.
    private static readonly InstrumentAdvice<double> Waits = new() { HistogramBucketBoundaries = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] };

    // As OpenTelemetry advises for HTTP, and on: streams and downloads last.
    private static readonly InstrumentAdvice<double> Requests = new() { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300] };

    private static readonly string[] StatusClasses = ["1xx", "2xx", "3xx", "4xx", "5xx"];

    private readonly Counter<long> _sends;
    private readonly Counter<long> _refusals;
    private readonly Histogram<double> _appends;
    private readonly Counter<long> _deliveries;
    private readonly Histogram<double> _deliveryWaits;
    private readonly Counter<long> _slowConsumers;
    private readonly Counter<long> _leftOut;
    private readonly Histogram<double> _visits;
    private readonly Counter<long> _visitorBytes;
    private readonly Counter<long> _revocations;
    private readonly Counter<long> _revoked;

    public Metrics(IMeterFactory meters)
    {
        Meter = meters.Create(Name);
        _sends = Meter.CreateCounter<long>("duplexity.sends", "{message}", "Messages that somebody sent, by what became of them (outcome: stored, held, refused, unknown).");
        _refusals = Meter.CreateCounter<long>("duplexity.refusals", "{call}", "Calls that were answered with an error, by its name in PROTOCOL.md (error.type) and by where they came (by: control, data, http).");
        _appends = Meter.CreateHistogram("duplexity.append.duration", "s", "How long messages took into the log (outcome: stored, repeated, refused, failed).", advice: Waits);
        _deliveries = Meter.CreateCounter<long>("duplexity.deliveries", "{message}", "Messages that were handed to a socket's transport, each socket counted.");
        _deliveryWaits = Meter.CreateHistogram("duplexity.delivery.wait", "s", "How long messages waited for their socket.", advice: Waits);
        _slowConsumers = Meter.CreateCounter<long>("duplexity.slow_consumers", "{socket}", "Sockets that were closed because they did not read, by what of their queue was too much (reason: size, age).");
        _leftOut = Meter.CreateCounter<long>("duplexity.left_out", "{event}", "Events for watching that a full queue left out (queue: announcements, exchanges, inspector).");
        _visits = Meter.CreateHistogram("duplexity.visitor.request.duration", "s", "Requests of visitors at public pipes (kind: http, tcp, where it is a connection), by how they ended (outcome: 1xx to 5xx; gone: the visitor left; carried, refused).", advice: Requests);
        _visitorBytes = Meter.CreateCounter<long>("duplexity.visitor.io", "By", "Bytes on carriers (direction: to_visitor, to_resource).");
        _revocations = Meter.CreateCounter<long>("duplexity.revocations", "{revocation}", "Revocations that this node enforced (what: client, token, key, removed).");
        _revoked = Meter.CreateCounter<long>("duplexity.revocation.identities", "{identity}", "Identities that connections of this node lost by revocation.");
    }

    /// <summary>Where <see cref="Gauges"/> adds its own.</summary>
    public Meter Meter { get; }

    /// <summary>Whether somebody counts what becomes of sends.</summary>
    public bool CountsSends => _sends.Enabled;

    /// <summary>Whether somebody wants to know how long appends take.</summary>
    public bool TimesAppends => _appends.Enabled;

    /// <summary>Whether somebody wants to know how long deliveries wait.</summary>
    public bool TimesDeliveries => _deliveryWaits.Enabled;

    /// <summary>A sender is told what became of its message.</summary>
    public void Sent(DuplexityError? error) => _sends.Add(1, new KeyValuePair<string, object?>("outcome", error switch
    {
        null => "stored",
        _ when error.Code == Errors.Challenged.Code => "held",
        _ when error.Code == Errors.OutcomeUnknown.Code => "unknown",
        _ => "refused",
    }));

    /// <summary>A call was answered with an error.</summary>
    /// <param name="error">The error.</param>
    /// <param name="by">Where the call came: <c>control</c>, <c>data</c> or <c>http</c>.</param>
    public void Refused(DuplexityError error, string by)
    {
        if (_refusals.Enabled)
        {
            _refusals.Add(1, new("error.type", ErrorNames.Of(error)), new("by", by));
        }
    }

    /// <summary>An append is answered.</summary>
    /// <param name="outcome"><c>stored</c>, <c>repeated</c>, <c>refused</c>, or <c>failed</c> where the log did not answer.</param>
    /// <param name="took">How long it took.</param>
    public void Appended(string outcome, TimeSpan took) => _appends.Record(took.TotalSeconds, new KeyValuePair<string, object?>("outcome", outcome));

    /// <summary>Messages went to a socket's transport.</summary>
    public void Delivered(int messages)
    {
        if (messages > 0)
        {
            _deliveries.Add(messages);
        }
    }

    /// <summary>A message has waited for its socket.</summary>
    public void Waited(TimeSpan wait) => _deliveryWaits.Record(wait.TotalSeconds);

    /// <summary>A socket is closed because it does not read.</summary>
    /// <param name="reason"><c>size</c> or <c>age</c> of what waits for it.</param>
    public void ClosedAsSlow(string reason) => _slowConsumers.Add(1, new KeyValuePair<string, object?>("reason", reason));

    /// <summary>A full queue left an event out.</summary>
    /// <param name="queue"><c>announcements</c>, <c>exchanges</c> or <c>inspector</c>.</param>
    public void LeftOut(string queue) => _leftOut.Add(1, new KeyValuePair<string, object?>("queue", queue));

    /// <summary>A visitor's request has ended.</summary>
    public void Visited(int status, TimeSpan took) => Visited("http", status is >= 100 and < 600 and not VisitorGone ? StatusClasses[(status / 100) - 1] : "gone", took);

    /// <summary>A visitor's TCP connection has ended; or it was refused.</summary>
    public void Connected(bool isCarried, TimeSpan took) => Visited("tcp", isCarried ? "carried" : "refused", took);

    /// <summary>Bytes went over a carrier.</summary>
    public void Carried(int bytes, bool toVisitor) => _visitorBytes.Add(bytes, new KeyValuePair<string, object?>("direction", toVisitor ? "to_visitor" : "to_resource"));

    /// <summary>This node heard of a revocation, and enforces it.</summary>
    /// <param name="what">A word of few.</param>
    public void Revoked(string what) => _revocations.Add(1, new KeyValuePair<string, object?>("what", what));

    /// <summary>A connection lost an identity by revocation.</summary>
    public void RevokedIdentity() => _revoked.Add(1);

    /// <summary>A visitor who has gone; nginx' number for it, and never sent.</summary>
    public const int VisitorGone = 499;

    private void Visited(string kind, string outcome, TimeSpan took)
    {
        if (_visits.Enabled)
        {
            _visits.Record(took.TotalSeconds, new("kind", kind), new("outcome", outcome));
        }
    }
}
