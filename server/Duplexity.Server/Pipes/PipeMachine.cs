using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Inboxes;

namespace Duplexity.Server.Pipes;

/// <summary>
/// The transport pipes. A message is dropped in and is the machine's from then on:
/// <code>
/// sender → ingress gates → destinations (sockets of other nodes: asked for) → service channels → cooked pipes → entry gates, one round a destination → one append → receipt
///                                                                                         channel → socket's queue → egress gates → socket
/// </code>
/// Driven alike by a hub, by the injectable API and by a test; it knows no sockets. Where every gate answers at once, everything up to the append runs without an await, so the
/// order of calls is the order of the log; where one does not, the sender's <see cref="SendLine"/> keeps it (G11). Thread-safe.
/// </summary>
internal sealed partial class PipeMachine
{
    private readonly IEngine _engine;
    private readonly ListenerCounts _listeners;
    private readonly TimeProvider _time;
    private readonly DuplexityOptions _options;
    private readonly ApplicationGates _gates;
    private readonly Announcer _announcer;
    private readonly MessageTraces _traces;
    private readonly InboxIndex _inboxes;
    private readonly AwaitedReplies _replies;
    private readonly AwaitedReceipts _receipts;
    private readonly Metrics _metrics;
    private readonly IFarReach? _far;
    private readonly IBuiltInGate[] _ingress;
    private readonly IBuiltInGate[] _entry;
    private readonly GateRun _run;
    private readonly Func<Transit, DuplexityError?, ValueTask<SendResponse>> _commit;

    public PipeMachine(
        IEngine engine, ListenerCounts listeners, InboxIndex inboxes, AwaitedReplies replies, AwaitedReceipts receipts, IEnumerable<IBuiltInGate> own, ApplicationGates gates, Announcer announcer, MessageTraces traces, Metrics metrics, TimeProvider time, DuplexityOptions options, IFarReach? far = null)
    {
        (_engine, _listeners, _gates, _time, _options) = (engine, listeners, gates, time, options);
        (_announcer, _traces, _inboxes, _replies, _receipts, _metrics, _far) = (announcer, traces, inboxes, replies, receipts, metrics, far);
        _ingress = [.. own.Where(g => g.Step == Step.Ingress)];
        _entry = [.. own.Where(g => g.Step == Step.Entry)];
        _run = new GateRun(_entry, gates, announcer, time, options);
        _commit = Commit;
        Holds = new Holds(_run, transit => Measured(Append(transit, isInLine: false), null), announcer, time, options);
    }

    /// <summary>What gates hold until a client has answered.</summary>
    public Holds Holds { get; }

    /// <summary>Sends to the listed destinations.</summary>
    /// <param name="sender">Who sends.</param>
    /// <param name="request">What.</param>
    /// <param name="trace">A trace that it goes on; null: its own, where it has one.</param>
    /// <param name="fingerprint">What a repeat under the same key has to have in common with the first time; null: everything that the request says.</param>
    public ValueTask<SendResponse> SendAsync(Sender sender, SendRequest request, MessageTrace? trace = null, string? fingerprint = null)
    {
        if (Destinations.Read(request.To, out var destinations) is { } error)
        {
            return Measured(new(new SendResponse { Error = error }), null);
        }

        return DropAsync(sender, request, destinations, trace, fingerprint);
    }

    /// <summary>Sends without destinations: to the sender's feed (followers and the sender's other sockets) and the rooms in which its socket stands. Otherwise as <see cref="SendAsync"/>.</summary>
    public ValueTask<SendResponse> EmitAsync(Sender sender, EmitRequest request, MessageTrace? trace = null, string? fingerprint = null) =>
        DropAsync(sender, request, [.. new[] { Address.Feed(sender.Client) }.Concat(sender.Rooms).Select(a => new Destination(a, a.ToString(), null))], trace, fingerprint);

    private ValueTask<SendResponse> DropAsync(Sender sender, MessageRequest request, List<Destination> destinations, MessageTrace? trace, string? fingerprint)
    {
        var span = BeginMessage(destinations);
        return Measured(NoteAnswer(sender, request, DropAsync(sender, request, destinations, trace, fingerprint, span)), span);
    }

    private ValueTask<SendResponse> DropAsync(Sender sender, MessageRequest request, List<Destination> destinations, MessageTrace? trace, string? fingerprint, Activity? span)
    {
        IdempotencyKey? key = null;
        if ((Check(_ingress, new Passage(Step.Ingress, sender, default, request, null)) ?? ReadKey(sender, request, fingerprint, out key) ?? ReadLevel(sender, request)) is { } wrong)
        {
            _announcer.SayRefused(sender, wrong);
            return new(new SendResponse { Error = wrong });
        }

        var id = MessageId(key);
        var transit = new Transit(sender, request, destinations, key, id) { Trace = trace ?? _traces.Begin(sender, id, destinations), Span = span };
        _announcer.Say(Step.Ingress, AnnouncedAction.Entered, transit);
        var asked = GatesAsync(transit);
        return sender.Line is { } line ? line.PassAsync(transit, asked, _commit)
            : asked.IsCompletedSuccessfully ? Commit(transit, asked.Result)
            : CommitLaterAsync(transit, asked);
    }

    private ValueTask<DuplexityError?> AskAsync(Transit transit) => transit.Destinations.Exists(IsFar) ? AskFarAsync(transit) : AskGatesAsync(transit);

    private ValueTask<DuplexityError?> AskGatesAsync(Transit transit)
    {
        var asked = _run.AskAsync(transit);
        return asked.IsCompletedSuccessfully && (transit.Question is null || transit.Key is null) ? asked : LookBackAsync(transit, asked);
    }

    /// <summary>A repeat of what was stored before is not asked about again: it is told what the first time did (G4).</summary>
    private async ValueTask<DuplexityError?> LookBackAsync(Transit transit, ValueTask<DuplexityError?> asked)
    {
        var refused = await asked;
        if (transit is not { Question: not null, Key: { } key })
        {
            return refused;
        }

        try
        {
            transit.Earlier = await _engine.Log.FindAsync(key) ?? await FindLateAsync(key);
            return refused;
        }
        catch (DuplexityException e)
        {
            return e.Error;
        }
    }

    private async ValueTask<SendResponse> CommitLaterAsync(Transit transit, ValueTask<DuplexityError?> asked)
    {
        var refused = await asked;
        return await Commit(transit, refused);
    }

    private ValueTask<SendResponse> Commit(Transit transit, DuplexityError? refused)
    {
        if (refused is not null)
        {
            NoteRefusal(transit, refused);
            return new(new SendResponse { Error = refused });
        }

        return transit.Earlier is { } earlier ? FinishAsync(new(earlier), transit, [])
            : Holds.MustHold(transit) ? new(Holds.Hold(transit))
            : Append(transit, isInLine: true);
    }

    /// <param name="transit">The message.</param>
    /// <param name="isInLine">Whether it comes from its sender's line; false: it was held, and those behind it have passed.</param>
    private ValueTask<SendResponse> Append(Transit transit, bool isInLine)
    {
        if (_run.AskLast(transit) is { } gone)
        {
            return new(new SendResponse { Error = gone });
        }

        GateRun.Settle(transit);
        var (sender, request) = (transit.Sender, transit.Request);
        List<Address> taken = [.. transit.Destinations.Where(d => d.IsTaking).Select(d => d.Address)];
        if (taken.Count == 0)
        {
            return RefuseAsync(transit);
        }

        var key = isInLine ? transit.Key : KeyAfterHold(transit);
        if (isInLine && !TryOrder(transit, ref key))
        {
            return new(OutOfOrder());
        }

        if (AwaitReceipt(transit, taken) is { } unheard)
        {
            return new(new SendResponse { Error = unheard });
        }

        var message = new StoredMessage
        {
            Id = transit.MessageId,
            FromClient = transit.Carried?.From.Client ?? sender.Client,
            FromSocket = transit.Carried is { } carried ? carried.From.Socket : sender.SocketId,
            Path = transit.Carried?.Path,
            SentAt = _time.GetUtcNow(),
            Text = request.Text,
            Bytes = request.Bytes,
            ContentType = request.ContentType,
            Type = request.Type,
            Re = request.Re,
            Headers = request.Headers,
            Destinations = taken,
            Span = transit.Span.Remembered(),
        };
        var append = AppendAsync(transit.Span, new AppendRequest(message, key) { Fence = FenceOf(request), Source = transit.Carried?.Source, IsOwn = sender.IsServer });
        return FinishAsync(Later(request) is null ? append : AwaitAsync(append, message.Id), transit, taken.ToDictionary(a => a, a => _listeners.Of(sender, a)));
    }

    /// <summary>No destination takes it now; but a repeat of what was stored when one did is told so, or its sender would take it for lost (G4).</summary>
    private async ValueTask<SendResponse> RefuseAsync(Transit transit)
    {
        if (transit.Key is { } key && await _engine.Log.FindAsync(key) is { } earlier)
        {
            return await FinishAsync(new(earlier), transit, []);
        }

        var error = transit.Destinations[0].Error;
        _announcer.Say(Step.Entry, AnnouncedAction.DeadLetter, transit, null, error);
        return new SendResponse { Error = error, Destinations = [.. transit.Destinations.Take(transit.Named).Select(d => d.Result(null, null))] };
    }

    private static Fence? FenceOf(MessageRequest request) => request is SendRequest { Under: { Lock: { } name, Token: { } token } } ? new(name, token) : null;

    /// <summary>What the first of the node's own gates says that refuses; null: none does.</summary>
    public static DuplexityError? Check(IBuiltInGate[] gates, in Passage passage)
    {
        foreach (var gate in gates)
        {
            if (gate.Check(passage) is { } error)
            {
                return error with { Gate = gate.Name };
            }
        }

        return null;
    }

    private static DuplexityError? ReadKey(Sender sender, MessageRequest request, string? fingerprint, out IdempotencyKey? key)
    {
        key = null;
        if (request.IdempotencyKey is not null && (request.Session is not null || request.Sequence is not null))
        {
            return DuplexityError.Of(Errors.InvalidRequest, "Give session and sequence, or idempotencyKey, not both.");
        }

        if (request.Session is null != request.Sequence is null || request.Sequence is <= 0 or >= 1L << 53)
        {
            return DuplexityError.Of(Errors.InvalidRequest, "session and sequence belong together; sequence counts from 1.");
        }

        if (request.Session is null && request.IdempotencyKey is null)
        {
            return null;
        }

        key = new IdempotencyKey(sender.Client, request.Session, request.Sequence ?? 0, request.IdempotencyKey, fingerprint ?? Fingerprint.Of(request));
        return null;
    }

    /// <summary>The same key gives the same id, so that receivers know a copy even where the store has forgotten the key (G4).</summary>
    private static string MessageId(IdempotencyKey? key)
    {
        if (key is null)
        {
            return Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        }

        var text = $"{key.Client}\n{(key.Key is null ? $"s\n{key.Session}\n{key.Sequence}" : $"k\n{key.Key}")}";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16));
    }
}
