using System.Buffers;
using System.Text;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>
/// What filters take and transforms make of a message. All of it follows from the message alone, nothing from time or chance, so that a second run after a crash makes the same (G20). Immutable.
/// </summary>
internal static class Cooking
{
    private static readonly JsonDocumentOptions Json = new() { MaxDepth = 32 };

    /// <summary>Whether a filter takes a message.</summary>
    public static bool Takes(MessageFilter? filter, StoredMessage message)
    {
        if (filter is null)
        {
            return true;
        }

        return (filter.Clients is not { } clients || Pattern.AnyMatches(clients, message.FromClient))
            && (filter.Type is null || filter.Type == message.Type)
            && (filter.Headers is null || filter.Headers.All(h => message.Headers?.GetValueOrDefault(h.Key) == h.Value))
            && (filter.Fields is null || HasFields(filter.Fields, message.Text));
    }

    /// <summary>What comes out; without a transform the very bytes that came in.</summary>
    /// <exception cref="CookingException">It cannot be made of this message.</exception>
    public static SendRequest Make(MessageTransform? transform, StoredMessage message, Address channel)
    {
        var raw = new SendRequest
        {
            Text = message.Text,
            Bytes = message.Bytes,
            ContentType = message.ContentType,
            Type = message.Type,
            Re = message.Re,
            Headers = message.Headers?.ToDictionary(),
        };
        if (transform is null)
        {
            return raw;
        }

        var text = transform.Select is null && transform.Rename is null ? message.Text : Reshape(transform, message.Text);
        var made = raw with { Text = text, Type = transform.Type ?? raw.Type, Headers = Headers(transform, raw.Headers) };
        return transform.Text is null ? made : made with { Text = Fill(transform.Text, text, message, channel), Bytes = null, ContentType = null };
    }

    private static bool HasFields(Dictionary<string, string> fields, string? text)
    {
        using var body = Read(text);
        return body is not null && fields.All(f => Field(body.RootElement, f.Key) == f.Value);
    }

    private static Dictionary<string, string>? Headers(MessageTransform transform, Dictionary<string, string>? headers)
    {
        if (transform.SetHeaders is null && transform.RemoveHeaders is null)
        {
            return headers;
        }

        var made = headers ?? [];
        foreach (var name in transform.RemoveHeaders ?? [])
        {
            made.Remove(name);
        }

        foreach (var (name, value) in transform.SetHeaders ?? [])
        {
            made[name] = value;
        }

        return made.Count == 0 ? null : made;
    }

    private static string Reshape(MessageTransform transform, string? text)
    {
        using var body = Read(text) ?? throw new CookingException("The body is no JSON object of which fields could be selected or renamed.");
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new() { MaxDepth = Json.MaxDepth }))
        {
            writer.WriteStartObject();
            var written = new HashSet<string>();
            var kept = body.RootElement.EnumerateObject().Where(p => transform.Select is null || transform.Select.Contains(p.Name)).ToArray();
            var renamed = kept.Select(p => transform.Rename?.GetValueOrDefault(p.Name)).OfType<string>().ToHashSet();
            foreach (var property in kept)
            {
                // A field that is given a name has it alone.
                var to = transform.Rename?.GetValueOrDefault(property.Name);
                if ((to is not null || !renamed.Contains(property.Name)) && written.Add(to ?? property.Name))
                {
                    writer.WritePropertyName(to ?? property.Name);
                    property.Value.WriteTo(writer);
                }
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static string Fill(string template, string? text, StoredMessage message, Address channel)
    {
        using var body = Read(text);
        var filled = new StringBuilder();
        for (var i = 0; i < template.Length; i++)
        {
            var end = template[i] == '{' ? template.IndexOf('}', i) : -1;
            if (template[i] == '{' && i + 1 < template.Length && template[i + 1] == '{')
            {
                filled.Append('{');
                i++;
            }
            else if (end < 0)
            {
                filled.Append(template[i]);
            }
            else
            {
                filled.Append(Value(template[(i + 1)..end], body, message, channel));
                i = end;
            }

            if (filled.Length > Wire.MaxMessageBytes)
            {
                throw new CookingException($"The template makes more than {Wire.MaxMessageBytes} bytes of this message.");
            }
        }

        return filled.ToString();
    }

    private static string? Value(string name, JsonDocument? body, StoredMessage message, Address channel) => name switch
    {
        "@from" => message.FromClient,
        "@channel" => channel.ToString(),
        "@type" => message.Type,
        "@id" => message.Id,
        _ => body is null ? null : Field(body.RootElement, name),
    };

    /// <summary>A field as text: strings as they are, everything else as it is written; null: it is not there.</summary>
    private static string? Field(JsonElement element, string path)
    {
        foreach (var name in path.Split('.'))
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
            {
                return null;
            }
        }

        return element.ValueKind == JsonValueKind.String ? element.GetString() : element.GetRawText();
    }

    private static JsonDocument? Read(string? text)
    {
        if (text is null)
        {
            return null;
        }

        JsonDocument? body = null;
        try
        {
            body = JsonDocument.Parse(text, Json);
            if (body.RootElement.ValueKind == JsonValueKind.Object)
            {
                return body;
            }
        }
        catch (JsonException)
        {
            return null;
        }

        body.Dispose();
        return null;
    }
}

/// <summary>A transform cannot be done with this message, in a sentence.</summary>
internal sealed class CookingException(string sentence) : Exception(sentence);
