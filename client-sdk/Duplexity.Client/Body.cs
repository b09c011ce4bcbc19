using System.Text;
using System.Text.Json;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>How a .NET value is a body: a string is text, bytes are bytes, all else JSON with the type's name.</summary>
internal readonly record struct Body(string? Text, byte[]? Bytes, string? ContentType, string? Type)
{
    private const string JsonContentType = "application/json";

    // What is around a body in a hub message: method, invocation id, field names, ids. Measured at under 300 bytes in JSON.
    private const int Framing = 512;

    public static Body Of<T>(T value, SendOptions options, JsonSerializerOptions json) => value switch
    {
        null => throw new ArgumentNullException(nameof(value), "A message has a body."),
        string text => new Body(text, null, null, options.Type),
        byte[] bytes => new Body(null, bytes, null, options.Type),
        ReadOnlyMemory<byte> bytes => new Body(null, bytes.ToArray(), null, options.Type),
        _ => new Body(JsonSerializer.Serialize(value, json), null, JsonContentType, options.Type ?? typeof(T).Name),
    };

    /// <summary>Whether <see cref="Read"/> is for this message.</summary>
    public static bool IsOf<T>(Message message) =>
        typeof(T) == typeof(string) ? message is { Text: not null, ContentType: null }
        : IsBytes<T>() ? message is { Text: null, ContentType: null }
        : message.Type == typeof(T).Name;

    /// <exception cref="JsonException">The body is not such JSON, or null.</exception>
    public static T Read<T>(Message message) =>
        typeof(T) == typeof(string) ? (T)(object)message.Text!
        : typeof(T) == typeof(byte[]) ? (T)(object)message.Bytes.ToArray()
        : typeof(T) == typeof(ReadOnlyMemory<byte>) ? (T)(object)message.Bytes
        : message.ReadFromJson<T>() ?? throw new JsonException($"The body is null where a {typeof(T).Name} was expected.");

    /// <summary>
    /// Refuses here what the server would answer by closing the whole connection: a hub message beyond the protocol's size.
    /// </summary>
    /// <exception cref="DuplexityException">107, the message is too large.</exception>
    public static void CheckSize(MessageRequest request, WireFormat format)
    {
        var size = Framing + (request.Bytes is { } bytes ? (format == WireFormat.Json ? bytes.Length * 4L / 3 + 4 : bytes.Length) : SizeOf(request.Text, format));
        foreach (var (name, value) in request.Headers ?? [])
        {
            size += SizeOf(name, format) + SizeOf(value, format) + 8;
        }

        foreach (var to in (request as SendRequest)?.To ?? [])
        {
            size += SizeOf(to, format) + 3;
        }

        if (size > Wire.MaxMessageBytes)
        {
            throw new DuplexityException(DuplexityError.Of(
                Errors.MessageTooLarge, $"The message has about {size} bytes on the wire; {Wire.MaxMessageBytes} is the most. Put large things into a store or behind a public pipe.")
                with
            { Limit = "message_bytes", Used = size });
        }
    }

    private static bool IsBytes<T>() => typeof(T) == typeof(byte[]) || typeof(T) == typeof(ReadOnlyMemory<byte>);

    private static long SizeOf(string? text, WireFormat format) =>
        text is null ? 0 : format == WireFormat.Json ? JsonEncodedText.Encode(text).EncodedUtf8Bytes.Length : Encoding.UTF8.GetByteCount(text);
}
