using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.SignalR.Protocol;

namespace Duplexity.Server.Channels;

/// <summary>
/// One log entry on its way to many sockets: encoded once for each protocol. <c>for</c> and <c>after</c> are left out in the common case, so that nearly all
/// sockets share the same bytes; exceptions are encoded for themselves. Thread-safe.
/// </summary>
internal sealed class Delivery(LogEntry entry)
{
    private readonly ConcurrentDictionary<string, ReadOnlyMemory<byte>> _frames = new(1, 2);

    public LogEntry Entry { get; } = entry;

    /// <summary>About how many bytes a frame has: what a socket's queue counts, known without encoding.</summary>
    public int Size { get; } = 256 + ((entry.Message.Text?.Length ?? 0) * 2) + ((entry.Message.Bytes?.Length ?? 0) * 4 / 3)
        + (entry.Message.Headers?.Sum(h => h.Key.Length + h.Value.Length) ?? 0);

    /// <summary>The frame of a Deliver event with this one message.</summary>
    public ReadOnlyMemory<byte> Frame(IHubProtocol protocol, string? receiver, Position? after, int? attempt = null)
    {
        if (receiver is not null || after is not null || attempt is not null)
        {
            return Encode(protocol, receiver, after, attempt);
        }

        return _frames.TryGetValue(protocol.Name, out var frame) ? frame : _frames.GetOrAdd(protocol.Name, Encode(protocol, null, null, null));
    }

    /// <summary>The message as it goes over the wire.</summary>
    public static DeliveredMessage OnTheWire(LogEntry entry, string? receiver = null, Position? after = null, int? attempt = null)
    {
        var message = entry.Message;
        return new DeliveredMessage
        {
            Id = message.Id,
            Channel = entry.Channel.ToString(),
            From = new Origin { Client = message.FromClient, Socket = message.FromSocket },
            Position = entry.Position,
            SentAt = message.SentAt.ToUnixTimeMilliseconds(),
            Text = message.Text,
            Bytes = message.Bytes,
            ContentType = message.ContentType,
            Type = message.Type,
            Re = message.Re,
            Headers = message.Headers is null ? null : new Dictionary<string, string>(message.Headers),
            For = receiver,
            After = after,
            Attempt = attempt,
            Via = message.Path is { Hops: [.., var hop] hops }
                ? new Via { Client = hop.Owner, Pipe = hop.Pipe, Channel = hop.From.ToString(), Message = hop.MessageId, Hops = hops.Count }
                : null,
        };
    }

    private ReadOnlyMemory<byte> Encode(IHubProtocol protocol, string? receiver, Position? after, int? attempt) =>
        protocol.GetMessageBytes(new InvocationMessage(nameof(IDataClient.Deliver), [new[] { OnTheWire(Entry, receiver, after, attempt) }]));
}
