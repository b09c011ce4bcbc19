using System.Text;
using System.Text.Json;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>Which messages are a T, and what fits into one; how a .NET value becomes a body is <see cref="Protocol.Body"/>'s.</summary>
internal static class Bodies
{
    // What is around a body in a hub message: method, invocation id, field names, ids. Measured at under 300 bytes in JSON.
    private const int Framing = 512;

    /// <summary>Whether <see cref="Read"/> is for this message.</summary>
    public static bool IsOf<T>(Message message) =>
        typeof(T) == typeof(string) ? message is { Text: not null, ContentType: null }
        : IsBytes<T>() ? message is { Text: null, ContentType: null }
        : message.Type == Body.TypeName(typeof(T));

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
