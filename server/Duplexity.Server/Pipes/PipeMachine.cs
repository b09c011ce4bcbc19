using System.Security.Cryptography;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Inboxes;

namespace Duplexity.Server.Pipes;

/// <summary>
/// The transport pipes. A message is dropped in and is the machine's from then on:
/// <code>
/// sender → ingress gates → destinations → service channels → cooked pipes → entry gates, one round a destination → one append → receipt
///                                                                                         channel → socket's queue → egress gates → socket
/// </code>
/// Driven alike by a hub, by the injectable API and by a test; it knows no sockets. Everything up to the append runs without an await, so the
/// order of calls is the order of the log (G11). Thread-safe.
/// </summary>
internal sealed class PipeMachine(IEngine engine, ChannelIndex channels, InboxIndex inboxes, IEnumerable<IGate> gates, TimeProvider time)
{
    private readonly IGate[] _ingress = [.. gates.Where(g => g.Step == Step.Ingress)];
    private readonly IGate[] _entry = [.. gates.Where(g => g.Step == Step.Entry)];

    /// <summary>Sends to the listed destinations.</summary>
    public ValueTask<SendResponse> SendAsync(Sender sender, SendRequest request, MessageTrace? trace = null)
    {
        if (Destinations.Read(request.To, out var destinations) is { } error)
        {
            return new(new SendResponse { Error = error });
        }

        return DropAsync(sender, request, destinations, trace);
    }

    /// <summary>Sends without destinations: to the sender's feed (followers and the sender's other sockets) and the rooms in which its socket stands.</summary>
    public ValueTask<SendResponse> EmitAsync(Sender sender, EmitRequest request, MessageTrace? trace = null) =>
        DropAsync(sender, request, [.. new[] { Address.Feed(sender.Client) }.Concat(sender.Rooms).Select(a => new Destination(a, a.ToString(), null))], trace);

    /// <summary>What each gate would say of a message to <paramref name="target"/>, now; nothing is counted.</summary>
    public GateVerdict[] Explain(Sender sender, Address target)
    {
        // A message of the smallest kind: what a size or a rate refuses even then.
        var request = new SendRequest { Text = "" };
        return [.. _ingress.Concat(_entry).Select(gate => new GateVerdict
        {
            Gate = gate.Name,
            Step = gate.Step.ToString().ToLowerInvariant(),
            Error = gate.Check(new GateContext(gate.Step, sender, gate.Step == Step.Entry ? target : default, request, null) { IsTrial = true }),
        })];
    }

    private ValueTask<SendResponse> DropAsync(Sender sender, MessageRequest request, List<Destination> destinations, MessageTrace? trace)
    {
        trace?.Add(Step.Ingress, sender.SocketId is { } socket ? $"socket:{socket}" : $"client:{sender.Client}");
        if (Check(_ingress, new GateContext(Step.Ingress, sender, default, request, null), trace) is { } refused)
        {
            return new(new SendResponse { Error = refused });
        }

        if (ReadKey(sender, request, out var key) is { } badKey)
        {
            return new(new SendResponse { Error = badKey });
        }

        if (ReadLevel(request) is { } badLevel)
        {
            return new(new SendResponse { Error = badLevel });
        }

        trace?.Add(Step.Ingress, $"client:{sender.Client}");
        trace?.Add(Step.Service, $"client:{sender.Client}");
        trace?.Add(Step.Cooked, $"client:{sender.Client}");
        for (var i = 0; i < destinations.Count; i++)
        {
            if (destinations[i].Error is null)
            {
                trace?.Add(Step.Entry, destinations[i].Text);
                destinations[i] = destinations[i] with { Error = Check(_entry, new GateContext(Step.Entry, sender, destinations[i].Address, request, null), trace) };
            }
        }

        List<Address> taken = [.. destinations.Where(d => d.Error is null).Select(d => d.Address)];
        if (taken.Count == 0)
        {
            return RefuseAsync(destinations, key);
        }

        var message = new StoredMessage
        {
            Id = MessageId(key),
            FromClient = sender.Client,
            FromSocket = sender.SocketId,
            SentAt = time.GetUtcNow(),
            Text = request.Text,
            Bytes = request.Bytes,
            ContentType = request.ContentType,
            Type = request.Type,
            Re = request.Re,
            Headers = request.Headers,
            Destinations = taken,
        };
        return FinishAsync(AppendAsync(message, key), destinations, taken.ToDictionary(a => a, a => Listeners(a, sender.SocketId)));
    }

    /// <summary>Appends; the inboxes among the destinations count it until the log does.</summary>
    private ValueTask<AppendResult> AppendAsync(StoredMessage message, IdempotencyKey? key)
    {
        Inbox[] to = [.. message.Destinations.Where(d => d.Kind == AddressKind.Client).Select(inboxes.Of)];
        if (to.Length == 0)
        {
            return engine.Log.AppendAsync(new AppendRequest(message, key));
        }

        var size = message.Size;
        Array.ForEach(to, i => i.Sending(message.FromClient, size));
        return SettleAsync(engine.Log.AppendAsync(new AppendRequest(message, key)));

        async ValueTask<AppendResult> SettleAsync(ValueTask<AppendResult> append)
        {
            try
            {
                return await append;
            }
            finally
            {
                Array.ForEach(to, i => i.Sent(message.FromClient, size));
            }
        }
    }

    /// <summary>No destination takes it now; but a repeat of what was stored when one did is told so, or its sender would take it for lost (G4).</summary>
    private async ValueTask<SendResponse> RefuseAsync(List<Destination> destinations, IdempotencyKey? key) => key is not null && await engine.Log.FindAsync(key) is { } earlier
        ? await FinishAsync(new(earlier), destinations, [])
        : new SendResponse { Error = destinations[0].Error, Destinations = [.. destinations.Select(d => d.Result(null, null))] };

    private static async ValueTask<SendResponse> FinishAsync(ValueTask<AppendResult> append, List<Destination> destinations, Dictionary<Address, int> listeners)
    {
        AppendResult result;
        try
        {
            result = await append;
        }
        catch (Exception e) when (e is not DuplexityException)
        {
            // The engine did not answer: the message may be stored or not, and only the same key can find out (G3).
            return new SendResponse { Error = DuplexityError.Of(Errors.OutcomeUnknown, "The engine did not answer; send again with the same session and sequence, or the same key.") };
        }

        switch (result.Outcome)
        {
            case AppendOutcome.Mismatch:
                return new SendResponse { Error = DuplexityError.Of(Errors.IdempotencyMismatch, "This key was used before, for another message.") };
            case AppendOutcome.Unknown:
                return new SendResponse { Error = DuplexityError.Of(Errors.OutcomeUnknown, "This sequence is too old: whether the message was stored is not known any more.") };
        }

        var places = result.Destinations.Zip(result.Positions).ToDictionary(d => d.First, d => d.Second);
        return new SendResponse
        {
            MessageId = result.MessageId,
            Level = Levels.Word(result.Level),
            Destinations = [.. destinations.Select(d => ResultOf(d, places, listeners))],
        };
    }

    /// <summary>A repeat tells what the first time did, whatever the gates say now: who can be reached may have changed in between (G4).</summary>
    private static DestinationResult ResultOf(Destination destination, Dictionary<Address, Position> places, Dictionary<Address, int> listeners)
    {
        if (places.TryGetValue(destination.Address, out var place))
        {
            return (destination with { Error = null }).Result(place, listeners.GetValueOrDefault(destination.Address));
        }

        var error = destination.Error ?? DuplexityError.Of(Errors.UnknownDestination, AllowanceGate.NotThere(destination.Address));
        return (destination with { Error = error }).Result(null, null);
    }

    private int Listeners(Address address, string? but) => channels.Subscriptions(address).Count(s => s.Subscriber.SocketId != but);

    private static DuplexityError? Check(IGate[] gates, in GateContext context, MessageTrace? trace)
    {
        foreach (var gate in gates)
        {
            if (gate.Check(context) is { } error)
            {
                trace?.Add(context.Step, context.Target.ToString(), gate.Name);
                return error with { Gate = gate.Name };
            }
        }

        return null;
    }

    private DuplexityError? ReadLevel(MessageRequest request)
    {
        if (request.Level is null)
        {
            return null;
        }

        if (!Levels.TryRead(request.Level, out var level) || level > ReceiptLevel.Stored)
        {
            return DuplexityError.Of(Errors.InvalidRequest, $"\"{VisibleText.Of(request.Level, 64)}\" is not a level that a send can wait for; use accepted, written, fsynced, replicated or stored.");
        }

        return level != ReceiptLevel.Stored && level > engine.Log.Level
            ? DuplexityError.Of(Errors.InvalidRequest, $"This node's engine reaches {Levels.Word(engine.Log.Level)}, not {Levels.Word(level)}; ask for stored, which is what the operator set.")
            : null;
    }

    private static DuplexityError? ReadKey(Sender sender, MessageRequest request, out IdempotencyKey? key)
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

        key = new IdempotencyKey(sender.Client, request.Session, request.Sequence ?? 0, request.IdempotencyKey, Fingerprint.Of(request));
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
