using System.Text.Json;

namespace Duplexity.Protocol;

/// <summary>The one rule by which .NET values become bodies, for the SDK and the server's API: text, bytes, or JSON under the type's name.</summary>
internal static class Body
{
    /// <summary>What JSON bodies say they are.</summary>
    public const string Json = "application/json";

    /// <summary>Encodes a body: a string is text, byte[] and (ReadOnly)Memory of bytes are bytes, all else is JSON.</summary>
    public static (string? Text, byte[]? Bytes, string? ContentType, string? Type) Encode<T>(T body, string? type, JsonSerializerOptions? json = null) => body switch
    {
        null => throw new ArgumentNullException(nameof(body)),
        string text => (text, null, null, type),
        byte[] bytes => (null, bytes, null, type),
        ReadOnlyMemory<byte> memory => (null, memory.ToArray(), null, type),
        Memory<byte> memory => (null, memory.ToArray(), null, type),
        _ => (JsonSerializer.Serialize(body, json ?? JsonSerializerOptions.Web), null, Json, type ?? TypeName(typeof(T))),
    };

    /// <summary>The type name that a JSON body of <paramref name="type"/> has where the caller names none.</summary>
    public static string TypeName(Type type) => type.IsGenericType ? type.Name[..type.Name.IndexOf('`')] : type.Name;
}
