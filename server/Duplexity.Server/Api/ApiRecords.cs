using System.Text.Json;
using System.Text.Json.Serialization;
using Duplexity.Protocol;

namespace Duplexity.Server.Api;

/// <summary>What messages to listed destinations and to none share. Beside text and bytes a body may be any JSON value, which receivers get as text with the content type <c>application/json</c>.</summary>
internal abstract record ApiBody : MessageRequest
{
    /// <summary>The body as JSON; exactly one of text, bytes and json. Receivers get it as text, byte for byte.</summary>
    public JsonElement? Json { get; init; }
}

/// <summary>A message for the listed destinations: all of them in one step.</summary>
internal sealed record ApiMessage : ApiBody
{
    /// <summary>An address, or 1 to 100 of them.</summary>
    [JsonConverter(typeof(OneOrManyConverter))]
    public string[]? To { get; init; }

    /// <summary>The lock under which this is sent: it is stored only if no later grant of that lock was sent under to one of the destinations.</summary>
    public LockToken? Under { get; init; }
}

/// <summary>A message without destinations: for the feed of the acting client.</summary>
internal sealed record ApiEmit : ApiBody;

/// <summary>Several messages, each by itself.</summary>
internal sealed record ApiBatch
{
    /// <summary>1 to 100 messages, taken in this order.</summary>
    public ApiMessage[]? Messages { get; init; }
}

/// <summary>Answers a batch. One that is refused does not stop the others.</summary>
internal sealed record ApiBatchResponse : Answer
{
    /// <summary>One receipt for each message, in the order of the messages.</summary>
    public SendResponse[]? Receipts { get; init; }
}

/// <summary>What a replay of an exchange changes of its request; what is absent stays as it was.</summary>
internal sealed record ApiReplay
{
    /// <summary>Another method.</summary>
    public string? Method { get; init; }

    /// <summary>Another path and query, beginning with <c>/</c>.</summary>
    public string? Target { get; init; }

    /// <summary>Headers that are set in the place of those of their names, or, without a value, left out.</summary>
    public PipeHeader[]? Headers { get; init; }

    /// <summary>Another body as text; at most one of text and bytes.</summary>
    public string? Text { get; init; }

    /// <summary>Another body as bytes.</summary>
    public byte[]? Bytes { get; init; }
}

/// <summary>Answers the subscribing and unsubscribing of a client.</summary>
internal sealed record ApiPlacedResponse : Answer
{
    /// <summary>How many sockets that was new for.</summary>
    public int? Sockets { get; init; }
}

/// <summary>Answers the question who holds a lock.</summary>
internal sealed record ApiLockResponse : Answer
{
    /// <summary>The lock; absent: nobody holds it.</summary>
    public LockInfo? Lock { get; init; }
}

/// <summary>Answers with a page of the own inbox.</summary>
internal sealed record ApiInboxResponse : Answer
{
    /// <summary>The page.</summary>
    public InboxPage? Page { get; init; }
}

/// <summary>Answers with the nodes that serve.</summary>
internal sealed record ApiNodesResponse : Answer
{
    /// <summary>The nodes, by name.</summary>
    public ApiNode[]? Nodes { get; init; }
}

/// <summary>A node, with what it said of itself a moment ago.</summary>
internal sealed record ApiNode
{
    /// <summary>Its name.</summary>
    public string? Name { get; init; }

    /// <summary>Which version it runs.</summary>
    public string? Version { get; init; }

    /// <summary>Since when it runs, in milliseconds since 1970 UTC.</summary>
    public long Since { get; init; }

    /// <summary>Whether it is being emptied.</summary>
    public bool IsDraining { get; init; }

    /// <summary>How many data connections are there.</summary>
    public int Sockets { get; init; }

    /// <summary>How many sessions have their control connection there.</summary>
    public int Sessions { get; init; }

    /// <summary>How many requests and connections of visitors it serves.</summary>
    public int Visitors { get; init; }
}

/// <summary>A request whose path says all.</summary>
internal sealed record ApiNothing;

/// <summary>Reads a text as a list of one: most messages have one destination.</summary>
internal sealed class OneOrManyConverter : JsonConverter<string[]>
{
    public override string[]? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return [reader.GetString()!];
        }

        var many = new List<string>();
        for (var isArray = reader.TokenType == JsonTokenType.StartArray; isArray && reader.Read() && reader.TokenType != JsonTokenType.EndArray;)
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.Null))
            {
                break;
            }

            // An empty place is a destination that is refused by itself, as on the hubs.
            many.Add(reader.GetString()!);
        }

        // Without words of its own: the path is added above, and a nested call would begin a path anew.
        return reader.TokenType == JsonTokenType.EndArray ? [.. many] : throw new JsonException();
    }

    public override void Write(Utf8JsonWriter writer, string[] value, JsonSerializerOptions options) => JsonSerializer.Serialize(writer, value, options);
}
