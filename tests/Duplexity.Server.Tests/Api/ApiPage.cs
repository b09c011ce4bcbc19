using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Duplexity.Protocol;
using Duplexity.Server.Api;
using Duplexity.Server.Tests.Protocol;
using Duplexity.Testing;

namespace Duplexity.Server.Tests.Api;

/// <summary>The OpenAPI description as the operations, the records and their documentation comments make it.</summary>
internal static class ApiPage
{
    private static readonly (int Status, string Name, string What)[] Refusals =
    [
        (400, "Wrong", "The request is wrong (1xx); the sentence says where. The same request fails again."),
        (401, "Unauthorized", "No access token or API key, or one that is not good (207, 202)."),
        (403, "Denied", "Not allowed (2xx). What may not be used reads like what is not there."),
        (429, "Limited", "A limit (3xx); Retry-After says when to try again, where waiting helps."),
        (503, "Unavailable", "Not now (4xx); try again after Retry-After. 401 in the body: whether a message was stored is not known, send it again with the same key."),
        (408, "Late", "The body did not come in time."),
        (413, "TooLarge", "The body or the message is too large (107)."),
        (415, "WrongType", "The body is not JSON in UTF-8."),
    ];

    /// <summary>The file of this source tree.</summary>
    public static string FilePath { get; } = Path.Combine(ProcessTools.Root, "server", "Duplexity.Server", "Api", "openapi.json");

    /// <summary>The operations.</summary>
    public static ApiRoute[] Routes { get; } = new ApiRoutes(new(null!), new(null!), new(null!, null!, null!, null!), new(null!, null!, null!), new(null!), new(null!, null!), new(null!), new(null!), new(null!), new(null!), new(null!), new(null!, null!, null!)).All;

    /// <summary>The description as it should be.</summary>
    public static string Make()
    {
        var schemas = new SortedDictionary<string, JsonNode>(StringComparer.Ordinal);
        var taken = new HashSet<Type>();
        var given = new HashSet<Type>();
        foreach (var route in Routes)
        {
            Reach(route.Gives, given);
            Reach(route.Takes, taken);
        }

        Reach(typeof(Done), given);
        foreach (var type in taken.Union(given))
        {
            schemas[Name(type)] = Schema(type, isOnlyTaken: !given.Contains(type));
        }

        var document = new JsonObject
        {
            ["openapi"] = "3.0.3",
            ["info"] = new JsonObject
            {
                ["title"] = "Duplexity",
                ["version"] = Wire.Version.ToString(System.Globalization.CultureInfo.InvariantCulture),
                ["description"] = "Messages, channels, sockets and tokens without a socket: the operations of the hubs, by the same gates, as the one client that the token or the API key names.",
            },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "/api" }),
            ["security"] = new JsonArray(new JsonObject { ["bearer"] = new JsonArray() }),
            ["paths"] = Paths(),
            ["components"] = new JsonObject
            {
                ["securitySchemes"] = new JsonObject
                {
                    ["bearer"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer", ["description"] = "An access token, or an API key (`dxk_…`) as it is." },
                },
                ["responses"] = new JsonObject(Refusals.Select(r => KeyValuePair.Create(r.Name, (JsonNode?)new JsonObject { ["description"] = r.What, ["content"] = Content(typeof(Done)) }))),
                ["schemas"] = new JsonObject(schemas.Select(s => KeyValuePair.Create(s.Key, (JsonNode?)s.Value))),
            },
        };
        return document.ToJsonString(new JsonSerializerOptions { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n";
    }

    private static JsonObject Paths()
    {
        var paths = new JsonObject();
        foreach (var path in Routes.GroupBy(r => r.Path))
        {
            paths[path.Key] = new JsonObject(path.Select(r => KeyValuePair.Create(r.Method.ToLowerInvariant(), (JsonNode?)Operation(r))));
        }

        return paths;
    }

    private static JsonObject Operation(ApiRoute route)
    {
        var operation = new JsonObject { ["operationId"] = route.Operation, ["summary"] = route.What };
        var parameters = route.Parameters.Select(Parameter).ToList();
        if (route.Takes == typeof(ApiMessage) || route.Takes == typeof(ApiEmit))
        {
            parameters.Add(new JsonObject
            {
                ["name"] = "Idempotency-Key",
                ["in"] = "header",
                ["description"] = "The same as the member `idempotencyKey`.",
                ["schema"] = new JsonObject { ["type"] = "string", ["maxLength"] = Wire.MaxNameLength },
            });
        }

        if (parameters.Count > 0)
        {
            operation["parameters"] = new JsonArray([.. parameters]);
        }

        if (route.Takes is { } takes)
        {
            operation["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content(takes) };
        }

        var responses = new JsonObject { ["200"] = new JsonObject { ["description"] = ProtocolPage.What(route.Gives), ["content"] = Content(route.Gives) } };
        foreach (var (status, name, _) in Refusals.Where(r => r.Status is not (408 or 413 or 415) || route.Takes is not null))
        {
            responses[status.ToString(System.Globalization.CultureInfo.InvariantCulture)] = new JsonObject { ["$ref"] = $"#/components/responses/{name}" };
        }

        operation["responses"] = responses;
        return operation;
    }

    private static JsonNode Parameter(ApiParameter parameter)
    {
        var described = new JsonObject { ["name"] = parameter.Name, ["in"] = parameter.IsInPath ? "path" : "query", ["description"] = parameter.What };
        if (parameter.IsInPath)
        {
            described["required"] = true;
        }

        described["schema"] = parameter.Type == "integer" ? new JsonObject { ["type"] = "integer", ["format"] = "int64" } : new JsonObject { ["type"] = parameter.Type };
        return described;
    }

    private static JsonObject Content(Type type) => new() { ["application/json"] = new JsonObject { ["schema"] = Ref(type) } };

    private static JsonObject Ref(Type type) => new() { ["$ref"] = $"#/components/schemas/{Name(type)}" };

    private static JsonObject Schema(Type type, bool isOnlyTaken)
    {
        var properties = new JsonObject();
        foreach (var member in Members(type))
        {
            properties[JsonName(member)] = Described(TypeOf(member.PropertyType, member), ProtocolPage.What(member));
        }

        var schema = new JsonObject { ["type"] = "object", ["description"] = ProtocolPage.What(type), ["properties"] = properties };
        string[] required = isOnlyTaken ? [.. Routes.Where(r => r.Takes == type).SelectMany(r => r.Needs)] : [.. Members(type).Where(m => !ProtocolPage.IsOptional(m)).Select(JsonName)];
        if (required.Length > 0)
        {
            schema["required"] = new JsonArray([.. required.Select(r => (JsonNode)r)]);
        }

        if (isOnlyTaken)
        {
            schema["additionalProperties"] = false;
        }

        return schema;
    }

    // Beside a $ref nothing is read in OpenAPI 3.0.
    private static JsonObject Described(JsonObject schema, string what)
    {
        var described = schema.ContainsKey("$ref") ? new JsonObject { ["allOf"] = new JsonArray(schema) } : schema;
        described["description"] = what;
        return described;
    }

    private static JsonObject TypeOf(Type type, PropertyInfo? member = null)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type switch
        {
            _ when member?.GetCustomAttribute<JsonConverterAttribute>()?.ConverterType == typeof(OneOrManyConverter) => new()
            {
                ["oneOf"] = new JsonArray(new JsonObject { ["type"] = "string" }, new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "string" }, ["minItems"] = 1, ["maxItems"] = Wire.MaxDestinations }),
            },
            _ when type == typeof(string) => new() { ["type"] = "string" },
            _ when type == typeof(int) => new() { ["type"] = "integer", ["format"] = "int32" },
            _ when type == typeof(long) => new() { ["type"] = "integer", ["format"] = "int64" },
            _ when type == typeof(double) => new() { ["type"] = "number", ["format"] = "double" },
            _ when type == typeof(bool) => new() { ["type"] = "boolean" },
            _ when type == typeof(byte[]) => new() { ["type"] = "string", ["format"] = "byte" },
            _ when type == typeof(JsonElement) => [],
            _ when type == typeof(Dictionary<string, string>) => new() { ["type"] = "object", ["additionalProperties"] = new JsonObject { ["type"] = "string" } },
            _ when ItemOf(type) is { } item => new() { ["type"] = "array", ["items"] = TypeOf(item) },
            _ when type.Assembly == typeof(Request).Assembly || type.Assembly == typeof(ApiRoute).Assembly => Ref(type),
            _ => throw new NotSupportedException($"{type} is not for the wire."),
        };
    }

    private static void Reach(Type? type, HashSet<Type> reached)
    {
        type = type is null ? null : Nullable.GetUnderlyingType(type) ?? type;
        if (type is not null && ItemOf(type) is { } item)
        {
            Reach(item, reached);
        }
        else if (type is not null && (type.Assembly == typeof(Request).Assembly || type.Assembly == typeof(ApiRoute).Assembly) && reached.Add(type))
        {
            foreach (var member in Members(type))
            {
                Reach(member.PropertyType, reached);
            }
        }
    }

    private static Type? ItemOf(Type type) => type.IsArray ? type.GetElementType() : type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[0] : null;

    private static IEnumerable<PropertyInfo> Members(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.Name != nameof(Request.As) || p.DeclaringType != typeof(Request));

    private static string JsonName(PropertyInfo member) => member.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? WireRecords.JsonName(member);

    private static string Name(Type type) => type.Name.StartsWith("Api", StringComparison.Ordinal) ? type.Name[3..] : type.Name;
}
