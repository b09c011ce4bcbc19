using System.Text.Json;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>A message as it was received. Immutable; safe on any thread.</summary>
public class Message
{
    private static readonly IReadOnlyDictionary<string, string> NoHeaders = new Dictionary<string, string>();

    private readonly DuplexityConnection _connection;
    private readonly DeliveredMessage _wire;

    internal Message(DuplexityConnection connection, DeliveredMessage wire, Address channel, string receiver)
    {
        _connection = connection;
        _wire = wire;
        Channel = channel;
        For = receiver;
    }

    private protected Message(Message other)
        : this(other._connection, other._wire, other.Channel, other.For)
    {
    }

    /// <summary>The message's id, the same for every copy. The SDK hands out each id once.</summary>
    public string Id => _wire.Id;

    /// <summary>The channel under which it came.</summary>
    public Address Channel { get; }

    /// <summary>The client that receives it, one that the socket holds.</summary>
    public string For { get; }

    /// <summary>Who sent it, as the server vouches for.</summary>
    public Origin From => _wire.From;

    /// <summary>The message pipe that brought it here, as the server vouches for; null: <see cref="From"/> sent it here.</summary>
    public Via? Via => _wire.Via;

    /// <summary>Its place in <see cref="Channel"/>'s log.</summary>
    public Position Position => _wire.Position;

    /// <summary>How often it was offered, with this one: 1, and more where it comes again (<see cref="AckMode.Manual"/>).</summary>
    public int Attempt => _wire.Attempt ?? 1;

    /// <summary>When the server took it.</summary>
    public DateTimeOffset SentAt => DateTimeOffset.FromUnixTimeMilliseconds(_wire.SentAt);

    /// <summary>The sender's name for the body; for JSON bodies of .NET senders the type's name.</summary>
    public string? Type => _wire.Type;

    /// <summary>What the body is, such as <c>application/json</c>; null for plain text and plain bytes.</summary>
    public string? ContentType => _wire.ContentType;

    /// <summary>The id of the message that this one answers.</summary>
    public string? Re => _wire.Re;

    /// <summary>The sender's headers; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Headers => _wire.Headers ?? NoHeaders;

    /// <summary>The body as text; null where it is bytes.</summary>
    public string? Text => _wire.Text;

    /// <summary>The body as bytes; empty where it is text.</summary>
    public ReadOnlyMemory<byte> Bytes => _wire.Bytes;

    /// <summary>The body read as JSON by <see cref="DuplexityConnectionOptions.Json"/>, whatever its content type says.</summary>
    /// <exception cref="JsonException">The body is not such JSON.</exception>
    public T? ReadFromJson<T>() => Text is { } text
        ? JsonSerializer.Deserialize<T>(text, _connection.Options.Json)
        : JsonSerializer.Deserialize<T>(Bytes.Span, _connection.Options.Json);

    /// <summary>
    /// Answers, as the client that received it, with <see cref="Re"/> set to this message's id: to the socket that sent it where that waits for an answer (<see cref="DuplexityConnection.RequestAsync"/>) and is still there, else to
    /// the inbox of the client that sent it.
    /// </summary>
    /// <exception cref="DuplexityException">The answer was refused.</exception>
    public async Task<Receipt> ReplyAsync<T>(T body, SendOptions? options = null, CancellationToken ct = default)
    {
        options = (options ?? new SendOptions()) with { Re = Id, As = options?.As ?? For };
        if (From.Socket is { } socket && Headers.ContainsKey(Wire.ReplyHeader))
        {
            try
            {
                return await _connection.SendAsync(Address.Socket(socket), body, options, ct).ConfigureAwait(false);
            }
            catch (DuplexityException e) when (e.Error.Is(Errors.UnknownDestination))
            {
                // It has gone, or asked too long ago.
            }
        }

        return await _connection.SendAsync(Address.Client(From.Client), body, options, ct).ConfigureAwait(false);
    }
}

/// <summary>A message whose body was read as <typeparamref name="T"/>.</summary>
public sealed class Message<T> : Message
{
    internal Message(Message message, T body)
        : base(message)
    {
        Body = body;
    }

    /// <summary>The body.</summary>
    public T Body { get; }
}
