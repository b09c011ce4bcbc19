using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Duplexity.Protocol;

namespace Duplexity.Server.Api;

/// <summary>The HTTP API's JSON: the names of the wire, and nothing read that is not understood.</summary>
internal static class ApiJson
{
    /// <summary>How deep JSON from a client may nest, as on the hubs (G24).</summary>
    private const int MaxDepth = 32;

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        MaxDepth = MaxDepth,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { WithoutAs } },
    };

    /// <summary>Reads a body as a record.</summary>
    /// <exception cref="DuplexityException">It is no such record: where, and what is wrong there.</exception>
    public static object Read(ReadOnlySpan<byte> body, Type record)
    {
        try
        {
            return JsonSerializer.Deserialize(body, record, Options) ?? throw Wrong(Errors.InvalidRequest, "The body is null; send a JSON object.");
        }
        catch (JsonException e) when (e.InnerException is JsonException)
        {
            throw Wrong(Errors.Unreadable, string.Create(CultureInfo.InvariantCulture, $"The body is not JSON that can be read: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}, at {Shown(e.Path)}."));
        }
        catch (JsonException e)
        {
            throw Wrong(Errors.InvalidRequest, e.Message.Contains("could not be mapped", StringComparison.Ordinal)
                ? $"The body has {Shown(e.Path)}, which is no member here; the names are as in /api/openapi.json, in the same case."
                : e.Message.StartsWith("Duplicate", StringComparison.Ordinal) ? $"The body has {Shown(e.Path)} twice."
                : $"What the body has at {Shown(e.Path)} cannot be read as that member; its type is in /api/openapi.json.");
        }
    }

    /// <summary>Writes an answer, each by its own type.</summary>
    public static byte[] Write(Answer answer) => JsonSerializer.SerializeToUtf8Bytes(answer, answer.GetType(), Options);

    private static string Shown(string? path) => VisibleText.Of(path ?? "$", 256);

    private static DuplexityException Wrong((int Code, string Name) entry, string sentence) => new(DuplexityError.Of(entry, sentence));

    // A request here has the one client that its token names (G10); whoever writes `as` is told that there is no such thing.
    private static void WithoutAs(JsonTypeInfo type)
    {
        if (type.Type.IsAssignableTo(typeof(Request)) && type.Properties.FirstOrDefault(p => p.Name == "as") is { } acting)
        {
            type.Properties.Remove(acting);
        }
    }
}
