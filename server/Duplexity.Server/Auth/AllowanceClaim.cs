using System.Text.Json;
using System.Text.Json.Serialization;

namespace Duplexity.Server.Auth;

/// <summary>The claim <c>duplexity</c>: <see cref="Allowances"/> as JSON.</summary>
internal static class AllowanceClaim
{
    /// <summary>The claim's name.</summary>
    public const string Name = "duplexity";

    /// <summary>How it is written and read: web names, absent members left out, unknown ones refused so that a misspelt limit is no limit that is silently missing.</summary>
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };
}
