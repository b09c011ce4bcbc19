using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using MessagePack;

namespace Duplexity.Server.Tests.Protocol.Outbound;

/// <summary>A frame that a node sent, read without our records: which event or answer it is, each place in it that has a value, and all of its text.</summary>
/// <param name="What">Such as <c>Deliver</c>, or <c>Send</c> for its answer; <c>ping</c>, <c>close</c>.</param>
/// <param name="Fields">Such as <c>from.client</c>; what our records do not have by its name or, in MessagePack, its number.</param>
/// <param name="Text">The frame as JSON, whichever protocol it was of.</param>
internal sealed record OutboundFrame(string What, IReadOnlySet<string> Fields, string Text)
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads one.</summary>
    public static OutboundFrame Read(byte[] bytes, bool json, Type hub, Type client, Func<string, string> methodOf)
    {
        var text = json ? Encoding.UTF8.GetString(bytes.AsSpan(0, bytes.Length - 1)) : MessagePackSerializer.ConvertToJson(bytes.AsMemory(LengthOf(bytes)));
        var root = JsonNode.Parse(text)!;
        var fields = new HashSet<string>();
        string What()
        {
            switch ((int)(json ? root["type"]! : root[0]!))
            {
                case 1:
                    var name = (string)(json ? root["target"]! : root[3]!)!;
                    var arguments = (json ? root["arguments"]! : root[4]!).AsArray();
                    var type = client.GetMethod(name)?.GetParameters()[0].ParameterType ?? throw new InvalidOperationException($"The node sent {name}, which is none of its events.");
                    if (arguments.Count != 1)
                    {
                        throw new InvalidOperationException($"{name} has {arguments.Count} arguments.");
                    }

                    Walk(arguments[0], type, "", fields);
                    return name;
                case 3:
                    var method = methodOf((string)(json ? root["invocationId"]! : root[2]!)!);
                    var (answer, refusal) = json ? (root["result"], root["error"]) : (int)root[3]! == 1 ? (null, root[4]) : (root[4], (JsonNode?)null);
                    if (refusal is not null)
                    {
                        fields.Add($"\"{refusal}\"".Replace(method, "NAME", StringComparison.Ordinal));
                        return "refused by SignalR";
                    }

                    Walk(answer, hub.GetMethod(method)!.ReturnType.GetGenericArguments()[0], "", fields);
                    return method;
                case 6:
                    return "ping";
                case 7:
                    return "close";
                default:
                    throw new InvalidOperationException($"The node sent {text}");
            }
        }

        return new OutboundFrame(What(), fields, root.ToJsonString(Readable));
    }

    private static void Walk(JsonNode? node, Type type, string path, HashSet<string> fields)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        switch (node)
        {
            case null:
                break;
            case JsonArray array when type.IsArray && type != typeof(byte[]):
                foreach (var item in array)
                {
                    Walk(item, type.GetElementType()!, path, fields);
                }

                break;
            case JsonObject map when type == typeof(Dictionary<string, string>):
                fields.Add(path);
                break;
            case JsonArray record:
                var members = WireRecords.Members(type);
                for (var i = 0; i < record.Count; i++)
                {
                    Member(i < members.Length && members[i] is { } m ? (WireRecords.JsonName(m), m.PropertyType) : ($"#{i}", typeof(object)), record[i]);
                }

                break;
            case JsonObject record:
                foreach (var (name, value) in record)
                {
                    var known = Array.Find(WireRecords.Members(type), m => m is not null && WireRecords.JsonName(m) == name);
                    Member((known is null ? $"?{name}" : name, known?.PropertyType ?? typeof(object)), value);
                }

                break;
            default:
                fields.Add(path);
                break;
        }

        void Member((string Name, Type Type) member, JsonNode? value) => Walk(value, member.Type, path.Length == 0 ? member.Name : $"{path}.{member.Name}", fields);
    }

    /// <summary>How many bytes say how long the frame is.</summary>
    private static int LengthOf(byte[] frame) => Array.FindIndex(frame, b => b < 0x80) + 1;
}
