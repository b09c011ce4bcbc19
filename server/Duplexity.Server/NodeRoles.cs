namespace Duplexity.Server;

/// <summary>The words of <see cref="DuplexityOptions.Roles"/>.</summary>
internal static class NodeRoles
{
    public const string Front = "front";
    public const string Backend = "backend";

    public static string[] Read(string? roles) => (roles ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Whether roles are those of a front and of nothing else.</summary>
    public static bool IsFrontAlone(string? roles) => Read(roles) is { Length: > 0 } read && Array.TrueForAll(read, r => r == Front);
}
