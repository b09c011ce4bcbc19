using System.Text.Json;
using System.Text.Json.Serialization;

namespace Duplexity.Cli.Output;

/// <summary>One JSON object on one line, in the wire's own member names. The default encoder writes all but plain ASCII as escapes: nothing can drive a terminal.</summary>
internal static class JsonLine
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public static string Of(object value) => JsonSerializer.Serialize(value, value.GetType(), Options);
}
